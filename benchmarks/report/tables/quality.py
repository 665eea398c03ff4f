"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.names import METRICS, SCORES, rotated, score_label
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.vocabulary import (
    CLEAN,
    DETECTION_METRICS,
    MAIN_SCORE,
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
    conditions = (CLEAN, *results.rotated_mean)
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
            f"{METRICS[metric].title}\n{results.label_of(condition)}"
            for condition, metric, _ in quantities
        ),
        rows=tuple(
            Row("", (variant.label,), compared_cells(results, variants, variant, quantities))
            for variant in variants
        ),
        remarks=remarks(results, variants, by_score=bool(results.ood), binned=True),
    )


def main_table(results: Results, recipe: str) -> Table:
    """Every method on clean, rotated and out-of-distribution images."""
    return _by_condition(
        results,
        recipe,
        "main",
        "All methods under all conditions.",
        (CLEAN, *results.rotated_mean, *results.ood),
        MAIN,
        with_left_out=True,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Calibration in detail, on images rotated in steps of 30 degrees where there are such."""
    return _by_condition(
        results,
        recipe,
        "calibration",
        "Calibration in detail, 15 bins.",
        (CLEAN, *_every_second(results.angles)),
        CALIBRATION,
    )


def exact_table(results: Results, recipe: str) -> Table:
    """Every method on the subsets that exact MC-dropout can afford."""
    return _by_condition(
        results,
        recipe,
        "exact",
        "Exact MC-dropout (without sampling) and all other methods on the same few images.",
        results.subsets,
        MAIN,
        with_left_out=True,
    )


def detection_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method distinguishes images of each condition from clean ones."""
    return _by_score(
        results,
        recipe,
        f"detection-{metric}",
        f"Detection of images that are not clean, by each score: {METRICS[metric].title}.",
        (*results.ood, *results.rotated_mean) or tuple(map(rotated, results.angles)),
        metric,
        with_left_out=True,
    )


def selective_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method detects misclassified images; labels well defined."""
    return _by_score(
        results,
        recipe,
        f"selective-{metric}",
        f"Detection of misclassified images, by each score: {METRICS[metric].title}.",
        (CLEAN, *_every_second(results.angles_averaged), *results.rotated_mean),
        metric,
    )


def _by_condition(
    results: Results,
    recipe: str,
    name: str,
    title: str,
    conditions: tuple[str, ...],
    metrics: tuple[str, ...],
    *,
    with_left_out: bool = False,
) -> Table:
    """A column a metric, a group of rows a condition."""
    variants = results.evaluated_on(conditions)
    score = {metric: MAIN_SCORE if metric in DETECTION_METRICS else "" for metric in metrics}
    quantities = {
        condition: [Quantity(condition, metric, score[metric]) for metric in metrics]
        for condition in conditions
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {_setting(results, recipe, conditions)}",
        group_heading="Images",
        label_headings=("Method",),
        headings=tuple(METRICS[metric].heading for metric in metrics),
        rows=tuple(
            Row(
                results.label_of(condition),
                (variant.label,),
                compared_cells(results, variants, variant, of_condition),
            )
            for condition, of_condition in quantities.items()
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
    recipe: str,
    name: str,
    title: str,
    conditions: tuple[str, ...],
    metric: str,
    *,
    with_left_out: bool = False,
) -> Table:
    """A column a condition, a row a score, a group of rows a method."""
    variants = results.evaluated_on(conditions)
    quantities = {
        (variant, score): [Quantity(condition, metric, score) for condition in conditions]
        for variant in variants
        for score in (*SCORES, *results.method_scores(variant))
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {_setting(results, recipe, conditions)}",
        group_heading="Method",
        label_headings=("Score",),
        headings=tuple(map(results.label_of, conditions)),
        rows=tuple(
            Row(
                variant.label,
                (score_label(score),),
                compared_cells(results, variants, variant, by_score),
            )
            for (variant, score), by_score in quantities.items()
        ),
        remarks=remarks(results, variants, with_left_out=with_left_out),
    )


def _every_second(angles: tuple[int, ...]) -> list[str]:
    """The rotations in steps of 30 degrees; all, where there are no such."""
    return [rotated(angle) for angle in angles if angle % 30 == 0] or list(map(rotated, angles))


def _setting(results: Results, recipe: str, conditions: tuple[str, ...]) -> str:
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    of_recipe = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{of_recipe}{images} images per condition."
