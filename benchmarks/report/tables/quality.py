"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.names import (
    METRICS,
    SCORES,
    angles_label,
    condition_label,
    rotated,
    score_label,
)
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.comparison import compared_cell
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.vocabulary import (
    CLEAN,
    DETECTION_METRICS,
    MAIN_SCORE,
    ROTATED_MEAN,
    SELECTIVE_METRICS,
    SELF_TRAINED,
)

MAIN = (
    *("accuracy", "nll", "brier", "ece"),
    *("predictive_entropy", "mutual_information", "pairwise_disagreement", "auroc"),
)
CALIBRATION = (
    *("accuracy", "nll", "brier"),
    *("ece", "ece_equal_mass", "ece_debiased", "squared_ce_debiased", "mce"),
)


def quality_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Every table of quality of a recipe; ``results`` are those of this recipe."""
    yield overview_table(results, recipe)
    yield main_table(results, recipe)
    yield calibration_table(results, recipe)
    if results.ood or results.angles:
        for metric in DETECTION_METRICS:
            yield detection_table(results, recipe, metric)
    for metric in SELECTIVE_METRICS:
        yield selective_table(results, recipe, metric)
    if results.subsets:
        yield exact_table(results, recipe)


def overview_table(results: Results, recipe: str) -> Table:
    """One row per method: what fits into a column, or on the first screen of a page."""
    conditions = [CLEAN, *_rotated_mean(results)]
    metrics = ("accuracy", "ece", "pairwise_disagreement")
    quantities = [Quantity(condition, metric) for condition in conditions for metric in metrics]
    quantities += [Quantity(condition, "auroc", MAIN_SCORE) for condition in results.ood[:1]]
    conditions += results.ood[:1]
    variants = results.evaluated_on(conditions)
    return Table(
        name=f"overview-{recipe}",
        caption=f"Overview of the methods. {_setting(results, recipe, conditions)}",
        group_heading="",
        label_headings=("Method",),
        headings=tuple(
            f"{_metric(metric)}\n{_condition(results, condition)}"
            for condition, metric, _ in quantities
        ),
        rows=tuple(
            Row(
                "",
                (variant.label,),
                tuple(compared_cell(results, variants, variant, one) for one in quantities),
            )
            for variant in variants
        ),
        remarks=remarks(results, variants, by_score=bool(results.ood), binned=True),
    )


def main_table(results: Results, recipe: str) -> Table:
    """Every method on clean, rotated and out-of-distribution images."""
    conditions = [CLEAN, *_rotated_mean(results), *results.ood]
    return _by_condition(
        results,
        MAIN,
        name=f"main-{recipe}",
        caption=f"All methods under all conditions. {_setting(results, recipe, conditions)}",
        conditions=conditions,
        with_left_out=True,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Calibration in detail, on images rotated in steps of 30 degrees where there are such."""
    angles = [angle for angle in results.angles if angle % 30 == 0] or results.angles
    conditions = [CLEAN, *map(rotated, angles)]
    return _by_condition(
        results,
        CALIBRATION,
        name=f"calibration-{recipe}",
        caption=f"Calibration in detail, 15 bins. {_setting(results, recipe, conditions)}",
        conditions=conditions,
    )


def exact_table(results: Results, recipe: str) -> Table:
    """Every method on the subsets that exact MC-dropout can afford."""
    conditions = list(results.subsets)
    return _by_condition(
        results,
        MAIN,
        name=f"exact-{recipe}",
        caption="Exact MC-dropout (without sampling) and all other methods on the same few images. "
        + _setting(results, recipe, conditions),
        conditions=conditions,
        with_left_out=True,
    )


def detection_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method distinguishes images of each condition from clean ones."""
    conditions = [*results.ood, *_rotated_mean(results)] or list(map(rotated, results.angles))
    return _by_score(
        results,
        metric,
        name=f"detection-{metric}-{recipe}",
        caption=f"Detection of images that are not clean, by each score: {_metric(metric)}. "
        + _setting(results, recipe, conditions),
        conditions=conditions,
        with_left_out=True,
    )


def selective_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method detects misclassified images; labels well defined."""
    averaged = results.angles_averaged
    angles = [angle for angle in averaged if angle % 30 == 0] or averaged
    conditions = [CLEAN, *map(rotated, angles), *_rotated_mean(results)]
    return _by_score(
        results,
        metric,
        name=f"selective-{metric}-{recipe}",
        caption=f"Detection of misclassified images, by each score: {_metric(metric)}. "
        + _setting(results, recipe, conditions),
        conditions=conditions,
    )


def _by_condition(
    results: Results,
    metrics: tuple[str, ...],
    *,
    name: str,
    caption: str,
    conditions: list[str],
    with_left_out: bool = False,
) -> Table:
    variants = results.evaluated_on(conditions)
    score = {metric: MAIN_SCORE if metric in DETECTION_METRICS else "" for metric in metrics}
    return Table(
        name=name,
        caption=caption,
        group_heading="Images",
        label_headings=("Method",),
        headings=tuple(METRICS[metric].heading for metric in metrics),
        rows=tuple(
            Row(
                _condition(results, condition),
                (variant.label,),
                tuple(
                    compared_cell(
                        results, variants, variant, Quantity(condition, metric, score[metric])
                    )
                    for metric in metrics
                ),
            )
            for condition in conditions
            for variant in variants
        ),
        remarks=remarks(
            results,
            variants,
            by_score="auroc" in metrics and len(conditions) > 1,
            binned="ece" in metrics,
            with_left_out=with_left_out,
        ),
    )


def _by_score(
    results: Results,
    metric: str,
    *,
    name: str,
    caption: str,
    conditions: list[str],
    with_left_out: bool = False,
) -> Table:
    variants = results.evaluated_on(conditions)
    return Table(
        name=name,
        caption=caption,
        group_heading="Method",
        label_headings=("Score",),
        headings=tuple(_condition(results, condition) for condition in conditions),
        rows=tuple(
            Row(
                variant.label,
                (score_label(score),),
                tuple(
                    compared_cell(results, variants, variant, Quantity(condition, metric, score))
                    for condition in conditions
                ),
            )
            for variant in variants
            for score in (*SCORES, *results.method_scores(variant))
        ),
        remarks=remarks(results, variants, with_left_out=with_left_out),
    )


def _rotated_mean(results: Results) -> list[str]:
    return [ROTATED_MEAN] if results.angles_averaged else []


def _metric(metric: str) -> str:
    return f"{METRICS[metric].name} {METRICS[metric].better}".rstrip()


def _condition(results: Results, condition: str) -> str:
    if condition == ROTATED_MEAN:
        return angles_label(results.angles_averaged)
    return condition_label(condition)


def _setting(results: Results, recipe: str, conditions: list[str]) -> str:
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    of_recipe = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{of_recipe}{images} images per condition."
