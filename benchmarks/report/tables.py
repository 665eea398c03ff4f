"""Which tables there are: each from the results of one recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.report.names import (
    METHODS,
    METRICS,
    SCORES,
    Variant,
    angles_label,
    condition_label,
    rotated,
    score_label,
)
from benchmarks.report.results import Results
from benchmarks.report.table import BEST, TIED, UNTESTED, Cell, Row, Table
from benchmarks.vocabulary import BIASED, CLEAN, ROTATED_MEAN, SELF_TRAINED, SIGNIFICANT, SUBSET

MAIN = (
    *("accuracy", "nll", "brier", "ece"),
    *("predictive_entropy", "mutual_information", "pairwise_disagreement", "auroc"),
)
CALIBRATION = (
    *("accuracy", "nll", "brier"),
    *("ece", "ece_equal_mass", "ece_debiased", "squared_ce_debiased", "mce"),
)
DETECTION = ("auroc", "aupr_out", "aupr_in", "fpr95")
SELECTIVE = ("misclassification_auroc", "aurc", "augrc")

MAIN_SCORE = "predictive_entropy"
"""The score by which AUROC is shown where only one is: every method has it."""


NOT_COMPARED = "clean images are what the others are compared with"

INTERVAL = (
    "± is half of the 95 % interval, over the draw of images and, where there are several, of "
    "replicates. Near 0 and 1, or where many scores are tied, it is a rough guide, and may reach "
    "beyond what the measure can be"
)

BINNED = (
    "An interval of a calibration error in bins (ECE, MCE) is one of that number, which chance "
    "makes too large; it need not cover the error proper, to which the debiased ones are closer. "
    "How much too large depends on a method's confidences, so none is bold and no difference of "
    "them is tested; that of the debiased squared error is."
)

SHARED_NETWORKS = (
    "The suite's methods draw on one pool of networks: the ensemble contains those of the others, "
    "and no interval says how other networks would have made another ensemble."
)

NOT_COVERED = (
    "No interval covers what all replicates share (their training images, a test set that everyone "
    "has used) nor, of a single replicate, another training or, in MC-dropout, other masks."
)

OTHER_SIZES = (
    "A size that is no method's largest is compared with the largest of its own method only."
)

Asked = tuple[str, str, str]
"""What a cell is about: condition, metric and score."""


def tables(results: Results, recipe: str) -> Iterator[Table]:
    """Every table of a recipe; ``results`` are those of this recipe."""
    yield overview(results, recipe)
    yield main(results, recipe)
    yield calibration(results, recipe)
    if _compared_with_clean(results):
        for metric in DETECTION:
            yield detection(results, recipe, metric)
    for metric in SELECTIVE:
        yield selective(results, recipe, metric)
    if results.small:
        yield exact(results, recipe)


def overview(results: Results, recipe: str) -> Table:
    """A line a method: what fits into a column, or on the first screen of a page."""
    kinds = [CLEAN, *([ROTATED_MEAN] if results.angles_averaged else [])]
    measures = ("accuracy", "ece", "pairwise_disagreement")
    asked = [_by_main_score(kind, metric) for kind in kinds for metric in measures]
    asked += [_by_main_score(condition, "auroc") for condition in results.ood[:1]]
    conditions = [condition for condition, *_ in asked]
    variants = results.judging(conditions)
    return Table(
        name=f"overview-{recipe}",
        caption=f"The methods in a line each. {_setting(results, recipe, conditions)}",
        group_heading="",
        label_headings=("Method",),
        headings=tuple(
            f"{METRICS[metric].name} {METRICS[metric].better}".rstrip()
            + f"\n{_condition(results, condition)}"
            for condition, metric, _ in asked
        ),
        rows=tuple(
            Row(
                "",
                (variant.label,),
                tuple(_judged(results, variants, variant, of) for of in asked),
            )
            for variant in variants
        ),
        remarks=_remarks(results, variants, by_score=bool(results.ood), binned=True),
    )


def main(results: Results, recipe: str) -> Table:
    """Every method on clean, rotated and out-of-distribution images."""
    conditions = [CLEAN, *([ROTATED_MEAN] if results.angles_averaged else []), *results.ood]
    return _by_condition(
        results,
        MAIN,
        name=f"main-{recipe}",
        caption=f"Every method on every kind of images. {_setting(results, recipe, conditions)}",
        conditions=conditions,
    )


def calibration(results: Results, recipe: str) -> Table:
    """Calibration in detail, turned images in steps of 30 degrees where there are such."""
    angles = [angle for angle in results.angles if angle % 30 == 0] or results.angles
    conditions = [CLEAN, *map(rotated, angles)]
    return _by_condition(
        results,
        CALIBRATION,
        name=f"calibration-{recipe}",
        caption=f"Calibration in detail, 15 bins. {_setting(results, recipe, conditions)}",
        conditions=conditions,
    )


def exact(results: Results, recipe: str) -> Table:
    """Every method on the few images that exact MC-dropout can afford."""
    conditions = list(results.small)
    return _by_condition(
        results,
        MAIN,
        name=f"exact-{recipe}",
        caption="MC-dropout without sampling beside all others, on the same few images. "
        + _setting(results, recipe, conditions),
        conditions=conditions,
    )


def detection(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method tells each condition's images from clean ones."""
    mean = [ROTATED_MEAN] if results.angles_averaged else []
    conditions = [*results.ood, *mean] or list(map(rotated, results.angles))
    return _by_score(
        results,
        metric,
        name=f"detection-{metric}-{recipe}",
        caption=f"Telling images from clean ones by each score: {_sought(metric)}. "
        + _setting(results, recipe, conditions),
        conditions=conditions,
    )


def selective(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method finds the misclassified images, where labels are sure."""
    certain = results.angles_averaged
    angles = [angle for angle in certain if angle % 30 == 0] or certain
    mean = [ROTATED_MEAN] if certain else []
    conditions = [CLEAN, *map(rotated, angles), *mean]
    return _by_score(
        results,
        metric,
        name=f"selective-{metric}-{recipe}",
        caption=f"Finding the misclassified images by each score: {_sought(metric)}. "
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
) -> Table:
    variants = results.judging(conditions)
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
                    _judged(results, variants, variant, _by_main_score(condition, metric))
                    for metric in metrics
                ),
            )
            for condition in conditions
            for variant in variants
        ),
        remarks=_remarks(
            results,
            variants,
            by_score="auroc" in metrics and len(conditions) > 1,
            binned="ece" in metrics,
        ),
    )


def _by_score(
    results: Results, metric: str, *, name: str, caption: str, conditions: list[str]
) -> Table:
    variants = results.judging(conditions)
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
                    _judged(results, variants, variant, (condition, metric, score))
                    for condition in conditions
                ),
            )
            for variant in variants
            for score in (*SCORES, *results.method_scores(variant))
        ),
        remarks=_remarks(results, variants),
    )


def _by_main_score(condition: str, metric: str) -> Asked:
    return condition, metric, MAIN_SCORE if metric in DETECTION else ""


def _judged(
    results: Results, variants: tuple[Variant, ...], variant: Variant, asked: Asked
) -> Cell:
    """The cell, with the verdict of its comparison with the best of the variants."""
    cell, best = _cell(results, variant, asked), _best(results, variants, asked)
    if best is None or math.isnan(cell.value):
        return cell
    if variant == best:
        return cell._replace(verdict=BEST)
    p_value = results.p_value(best, variant, asked)
    if p_value is None or math.isnan(p_value):
        return cell._replace(verdict=UNTESTED)
    return cell if p_value < SIGNIFICANT else cell._replace(verdict=TIED)


def _best(results: Results, variants: tuple[Variant, ...], asked: Asked) -> Variant | None:
    """The best of those that were compared with one another; ``None`` if none can be said to be."""
    values = {
        variant: found["value"]
        for variant in variants
        if variant in results.contestants
        and (found := results.find(variant, *asked)) is not None
        and found["status"] == "ok"
        and math.isfinite(found["value"])
    }
    better = METRICS[asked[1]].better
    if not better or asked[1] in BIASED or len(values) < 2:
        return None
    best = (max if better == "↑" else min)(values, key=lambda variant: values[variant])
    compared = any(results.p_value(best, other, asked) is not None for other in values)
    return best if compared else None


def _cell(results: Results, variant: Variant, asked: Asked) -> Cell:
    found: dict[str, Any] | None = results.find(variant, *asked)
    if found is None:
        condition, metric, _ = asked
        reference = condition in (CLEAN, SUBSET + CLEAN)
        return Cell(reason=NOT_COMPARED if reference and metric in DETECTION else "")
    half_width = (found["upper"] - found["lower"]) / 2
    return Cell(found["value"], half_width, found["status"], found["reason"])


def _sought(metric: str) -> str:
    return f"{METRICS[metric].name} {METRICS[metric].better}"


def _condition(results: Results, condition: str) -> str:
    if condition == ROTATED_MEAN:
        return angles_label(results.angles_averaged)
    return condition_label(condition)


def _compared_with_clean(results: Results) -> bool:
    return bool(results.ood or results.angles)


def _setting(results: Results, recipe: str, conditions: list[str]) -> str:
    judged = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[judged, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    whose = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{whose}{images} images of each condition."


def _remarks(
    results: Results,
    variants: tuple[Variant, ...],
    *,
    by_score: bool = False,
    binned: bool = False,
) -> tuple[str, ...]:
    counts = {variant.label: results.replicates(variant) for variant in variants}
    replicates = "; ".join(f"{label}: {count}" for label, count in counts.items() if count)
    # A user's file may be called as one of the suite's methods is.
    of_suite = set(results.summary.loc[results.summary["recipe"] != SELF_TRAINED, "method"])
    methods = {variant.method for variant in variants} & of_suite & METHODS.keys()
    shared = "deep_ensemble" in methods and len(methods) > 1
    compared = results.contestants
    return (
        f"Means over replicates ({replicates}); {INTERVAL}.",
        *([f"AUROC against the clean images, by {_lower(MAIN_SCORE)}."] if by_score else []),
        *([BINNED] if binned else []),
        NOT_COVERED,
        *([SHARED_NETWORKS] if shared else []),
        *([OTHER_SIZES] if compared and not compared >= set(variants) else []),
    )


def _lower(score: str) -> str:
    return score_label(score).lower()
