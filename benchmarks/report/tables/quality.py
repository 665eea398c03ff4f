"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.nouns import ConditionRecord, MetricRecord
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

FEW = 4
"""Of at most so many conditions of a group all are shown, else every second."""


def quality_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Every table of quality of a recipe; ``results`` are those of this recipe."""
    yield overview_table(results, recipe)
    yield main_table(results, recipe)
    yield calibration_table(results, recipe)
    yield uncertainty_table(results, recipe)
    if any(one.name != one.reference for one in results.conditions):
        for metric in _metrics(results, {"score", "reference"}):
            yield detection_table(results, recipe, metric.name)
    for metric in _metrics(results, {"score", "labels"}):
        yield selective_table(results, recipe, metric.name)
    if results.subsets:
        yield exact_table(results, recipe)


def overview_table(results: Results, recipe: str) -> Table:
    """One row per method: what fits into a column, or on the first screen of a page."""
    shown = [one for one in results.names.nouns.metrics if one.shown == "overview"]
    detected = [metric for metric in shown if "reference" in metric.needs]
    conditions = (CLEAN, *results.group_means)
    quantities = [
        Quantity(condition, metric.name)
        for condition in conditions
        for metric in shown
        if metric not in detected
    ]
    quantities += [
        Quantity(condition, metric.name) for condition in results.ood[:1] for metric in detected
    ]
    conditions += results.ood[:1]
    variants = results.evaluated_on(conditions)
    return Table(
        name=f"overview-{recipe}",
        caption=f"Overview of the methods. {_setting(results, recipe, conditions)}",
        group_heading="",
        label_headings=("Method",),
        headings=tuple(
            f"{results.names.printed(metric).title}\n{results.label_of(condition)}"
            for condition, metric, _ in quantities
        ),
        rows=tuple(
            Row(
                *("", (results.names.label(variant),)),
                compared_cells(results, variants, variant, quantities),
            )
            for variant in variants
        ),
        remarks=remarks(results, variants, by_score=detected, binned=True),
    )


def main_table(results: Results, recipe: str) -> Table:
    """Every method on clean, shifted and out-of-distribution images."""
    return _by_condition(
        results,
        recipe,
        "main",
        "All methods under all conditions.",
        results.main_conditions,
        main_metrics(results),
        with_left_out=True,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Every metric of the probabilities against labels, at several severities of each group."""
    severe = [name for group in results.severities.values() for name in _some(group)]
    alone = [one.name for one in _without_severity(results) if one.labels != "none"]
    return _by_condition(
        results,
        recipe,
        "calibration",
        "Calibration in detail, 15 bins.",
        (*alone, *severe),
        _metrics(results, {"labels"}),
    )


def uncertainty_table(results: Results, recipe: str) -> Table:
    """Every mean over images of an uncertainty that needs no label."""
    return _by_condition(
        results,
        recipe,
        "uncertainty",
        "Mean uncertainty of an image.",
        results.main_conditions,
        [*_metrics(results, set()), *_metrics(results, {"members"})],
    )


def exact_table(results: Results, recipe: str) -> Table:
    """Every method on the subsets that a slow method can afford."""
    return _by_condition(
        results,
        recipe,
        "exact",
        "Exact MC-dropout (without sampling) and all other methods on the same few images.",
        results.subsets,
        main_metrics(results),
        with_left_out=True,
    )


def detection_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method distinguishes images of each condition from clean ones."""
    detected = {one.name for one in results.conditions if one.name != one.reference}
    chosen = [
        name for name in results.main_conditions if name in detected or name in results.group_means
    ]
    return _by_score(
        results,
        recipe,
        f"detection-{metric}",
        "Detection of images that are not clean, by each score: "
        f"{results.names.printed(metric).title}.",
        tuple(chosen) or tuple(sorted(detected, key=results.names.condition_rank)),
        metric,
        with_left_out=True,
    )


def selective_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method detects misclassified images; labels well defined."""
    severe = [
        name
        for group in results.severities.values()
        for name in _some([one for one in group if one.labels == "valid"])
    ]
    alone = [one.name for one in _without_severity(results) if one.labels == "valid"]
    return _by_score(
        results,
        recipe,
        f"selective-{metric}",
        f"Detection of misclassified images, by each score: {results.names.printed(metric).title}.",
        (*alone, *severe, *results.group_means),
        metric,
    )


def main_metrics(results: Results) -> list[MetricRecord]:
    """The metrics that the main table shows."""
    return [one for one in results.names.nouns.metrics if one.shown in ("overview", "main")]


def _metrics(results: Results, needs: set[str]) -> list[MetricRecord]:
    """The metrics that need exactly this."""
    return [one for one in results.names.nouns.metrics if set(one.needs) == needs]


def _without_severity(results: Results) -> list[ConditionRecord]:
    severe = {one.name for group in results.severities.values() for one in group}
    return [one for one in results.conditions if one.name not in severe]


def _by_condition(
    results: Results,
    recipe: str,
    name: str,
    title: str,
    conditions: tuple[str, ...],
    metrics: Sequence[MetricRecord],
    *,
    with_left_out: bool = False,
) -> Table:
    """A column a metric, a group of rows a condition."""
    variants = results.evaluated_on(conditions)
    quantities = {
        condition: [Quantity(condition, metric.name) for metric in metrics]
        for condition in conditions
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {_setting(results, recipe, conditions)}",
        group_heading="Images",
        label_headings=("Method",),
        headings=tuple(results.names.printed(metric.name).heading for metric in metrics),
        rows=tuple(
            Row(
                results.label_of(condition),
                (results.names.label(variant),),
                compared_cells(results, variants, variant, of_condition),
            )
            for condition, of_condition in quantities.items()
            for variant in variants
        ),
        remarks=remarks(
            results,
            variants,
            by_score=[metric for metric in metrics if "score" in metric.needs],
            binned=any(metric.biased for metric in metrics),
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
    known = [score.name for score in results.names.nouns.scores]
    quantities = {
        (variant, score): [Quantity(condition, metric, score) for condition in conditions]
        for variant in variants
        for score in (*known, *results.method_scores(variant))
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {_setting(results, recipe, conditions)}",
        group_heading="Method",
        label_headings=("Score",),
        headings=tuple(map(results.label_of, conditions)),
        rows=tuple(
            Row(
                results.names.label(variant),
                (results.names.score(score).label,),
                compared_cells(results, variants, variant, by_score),
            )
            for (variant, score), by_score in quantities.items()
        ),
        remarks=remarks(results, variants, with_left_out=with_left_out),
    )


def _some(group: Sequence[ConditionRecord]) -> list[str]:
    """Every second condition of a group, or all where these are few."""
    names = [one.name for one in group]
    return names if len(names) <= FEW else names[1::2]


def _setting(results: Results, recipe: str, conditions: Sequence[str]) -> str:
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    of_recipe = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{of_recipe}{images} images per condition."
