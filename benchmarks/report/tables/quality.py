"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.nouns import ConditionRecord, MetricRecord
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

FEW = 4
"""Of at most so many conditions of a group all are shown, else every second."""

KINDS = {
    "detection": {"score", "reference"},
    "selective": {"score", "labels"},
    "score": {"score"},
    "calibration": {"labels"},
    "reference": {"reference"},
    "uncertainty": set[str](),
}
"""The kinds of tables of metrics, and what these need at least: a metric is of the first."""


def quality_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Every table of quality of a recipe; ``results`` are those of this recipe."""
    yield overview_table(results, recipe)
    yield main_table(results, recipe)
    yield calibration_table(results, recipe)
    yield uncertainty_table(results, recipe)
    if any(one.name != one.reference for one in results.conditions):
        for metric in _metrics(results, "detection"):
            yield detection_table(results, recipe, metric.name)
        if _metrics(results, "reference"):
            yield reference_table(results, recipe)
    for metric in _metrics(results, "selective"):
        if metric.coverage == 1:
            yield selective_table(results, recipe, metric.name)
    for metric in _metrics(results, "score"):
        yield score_table(results, recipe, metric.name)
    if results.subsets:
        yield subset_table(results, recipe)


def overview_table(results: Results, recipe: str) -> Table:
    """One row per method: what fits into a column, or on the first screen of a page."""
    shown = results.names.overview
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
        results.names.main,
        with_left_out=True,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Every metric of predictions against labels, at several severities of each group."""
    severe = [name for group in results.severities.values() for name in _some(group)]
    alone = [one.name for one in _without_severity(results) if one.labels != "none"]
    return _by_condition(
        results,
        recipe,
        "calibration",
        "Calibration in detail, 15 bins.",
        (*alone, *severe),
        _metrics(results, "calibration"),
    )


def uncertainty_table(results: Results, recipe: str) -> Table:
    """Every mean over images of an uncertainty that needs no label."""
    return _by_condition(
        results,
        recipe,
        "uncertainty",
        "Mean uncertainty of an image.",
        results.main_conditions,
        _metrics(results, "uncertainty"),
    )


def subset_table(results: Results, recipe: str) -> Table:
    """Every method on the subsets that slow methods can afford."""
    names, variants = results.names, results.evaluated_on(results.subsets)
    slow = listed([names.label(one) for one in variants if names.method(one.method).slow])
    return _by_condition(
        results,
        recipe,
        "subset",
        f"All methods on the same few images, which slow methods can afford ({slow}).",
        results.subsets,
        results.names.main,
        with_left_out=True,
    )


def detection_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method distinguishes images of each condition from clean ones."""
    return _by_score(
        results,
        recipe,
        f"detection-{metric}",
        "Detection of images that are not clean, by each score: "
        f"{results.names.printed(metric).title}.",
        _detected(results),
        metric,
        with_left_out=True,
    )


def reference_table(results: Results, recipe: str) -> Table:
    """Every metric of images against clean ones that ranks them by no score."""
    title, metrics = "Against clean images, by no score.", _metrics(results, "reference")
    return _by_condition(results, recipe, "reference", title, _detected(results), metrics)


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


def score_table(results: Results, recipe: str, metric: str) -> Table:
    """A metric of each score of each method, whatever the images are."""
    title = f"{results.names.printed(metric).title}, by each score."
    return _by_score(results, recipe, f"score-{metric}", title, results.main_conditions, metric)


def kind_of(metric: MetricRecord) -> str:
    """The kind of table that shows the metric, whatever others do."""
    return next(kind for kind, needs in KINDS.items() if needs <= set(metric.needs))


def _metrics(results: Results, of: str) -> list[MetricRecord]:
    """The metrics of a kind of table."""
    return [one for one in results.names.nouns.metrics if kind_of(one) == of]


def _detected(results: Results) -> tuple[str, ...]:
    """The conditions that are distinguished from clean images: where there are, with means."""
    detected = {one.name for one in results.conditions if one.name != one.reference}
    shown = detected.union(results.group_means)
    chosen = tuple(name for name in results.main_conditions if name in shown)
    return chosen or tuple(sorted(detected, key=results.names.condition_rank))


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
