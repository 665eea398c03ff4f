"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.nouns import ConditionRecord, MetricRecord
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.quality.arranged import by_condition, by_score, setting
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN

FEW_COLUMNS, FEW_ROWS = 4, 6
"""How many severities of a group are shown at most: every second of them, until they are so few."""

SETS = "sets"
"""The kind of tables of metrics of prediction sets."""

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
    for group in results.without_severity:
        yield group_table(results, recipe, group)
    yield calibration_table(results, recipe)
    for level in dict.fromkeys(metric.level for metric in _measured(results, SETS)):
        yield sets_table(results, recipe, level)
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
    """One row per method: what fits into a column, or on the first screen of a page.

    Of the means over groups only the first one is shown by more than the first metric.
    """
    shown = results.names.overview
    detected = [metric for metric in shown if "reference" in metric.needs]
    conditions = (CLEAN, *results.group_means)
    quantities = [
        Quantity(condition, metric.name)
        for condition in conditions
        for metric in (shown if condition in conditions[:2] else shown[:1])
        if metric not in detected
    ]
    quantities += [
        Quantity(condition, metric.name) for condition in results.ood[:1] for metric in detected
    ]
    conditions += results.ood[:1]
    variants = results.evaluated_on(conditions)
    return Table(
        name=f"overview-{recipe}",
        caption=f"Overview of the methods. {setting(results, recipe, conditions)}",
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
    return by_condition(
        results,
        recipe,
        "main",
        "All methods under all conditions.",
        results.main_conditions,
        results.names.main,
        with_left_out=True,
    )


def group_table(results: Results, recipe: str, group: str) -> Table:
    """Every method under each condition of a group without severities, and by their mean."""
    records = map(results.names.condition, results.group_means)
    means = [one.name for one in records if one.group == group]
    return by_condition(
        results,
        recipe,
        f"group-{group}",
        f"All methods on each kind of {group} images.",
        (*(one.name for one in results.without_severity[group]), *means),
        results.names.overview,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Every metric of predictions against labels, at several severities of each group."""
    return by_condition(
        results,
        recipe,
        "calibration",
        "Calibration in detail, 15 bins.",
        _labelled(results),
        _metrics(results, "calibration"),
    )


def sets_table(results: Results, recipe: str, level: float) -> Table:
    """Every metric of the conformal sets that are to cover this share of the images."""
    percent = f"{100 * level:g} %"
    return by_condition(
        results,
        recipe,
        f"{SETS}-{100 * level:g}",
        f"Conformal prediction sets at {percent} coverage, which is guaranteed only for images "
        "exchangeable with the calibration images.",
        _labelled(results),
        [metric for metric in _metrics(results, SETS) if metric.level == level],
    )


def uncertainty_table(results: Results, recipe: str) -> Table:
    """Every mean over images of an uncertainty that needs no label."""
    return by_condition(
        results,
        recipe,
        "uncertainty",
        "Mean uncertainty per image.",
        results.main_conditions,
        _metrics(results, "uncertainty"),
    )


def subset_table(results: Results, recipe: str) -> Table:
    """Every method on the subsets that slow methods can afford."""
    names, variants = results.names, results.evaluated_on(results.subsets)
    slow = listed([names.label(one) for one in variants if names.method(one.method).slow])
    return by_condition(
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
    return by_score(
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
    title, metrics = "Against clean images, whatever the score.", _metrics(results, "reference")
    return by_condition(results, recipe, "reference", title, _detected(results), metrics)


def selective_table(results: Results, recipe: str, metric: str) -> Table:
    """How well each score of each method detects misclassified images; labels well defined."""
    severe = [
        name
        for group in results.severities.values()
        for name in _some([one for one in group if one.labels == "valid"], FEW_COLUMNS)
    ]
    alone = [one.name for one in _alone(results) if one.labels == "valid"]
    return by_score(
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
    return by_score(results, recipe, f"score-{metric}", title, results.main_conditions, metric)


def kind_of(metric: MetricRecord) -> str:
    """The kind of table that shows the metric, whatever others do."""
    if metric.level:
        return SETS
    return next(kind for kind, needs in KINDS.items() if needs <= set(metric.needs))


def _metrics(results: Results, of: str) -> list[MetricRecord]:
    """The metrics of a kind of table."""
    return [one for one in results.names.metrics if kind_of(one) == of]


def _measured(results: Results, of: str) -> list[MetricRecord]:
    """Those of them that have a value."""
    known = set(results.summary.loc[results.summary["value"].notna(), "metric"])
    return [metric for metric in _metrics(results, of) if metric.name in known]


def _detected(results: Results) -> tuple[str, ...]:
    """The conditions that are distinguished from clean images: where there are, with means."""
    detected = {one.name for one in results.conditions if one.name != one.reference}
    shown = detected.union(results.group_means)
    chosen = tuple(name for name in results.main_conditions if name in shown)
    return chosen or tuple(sorted(detected, key=results.names.condition_rank))


def _labelled(results: Results) -> tuple[str, ...]:
    """The conditions with labels; of a group some severities, or its mean where it has none."""
    severe = [name for group in results.severities.values() for name in _some(group, FEW_ROWS)]
    alone = [one.name for one in _alone(results) if one.labels != "none"]
    shown = {one.group for one in results.conditions if one.name in {*alone, *severe}}
    means = map(results.names.condition, results.group_means)
    return (*alone, *severe, *(one.name for one in means if one.group not in shown))


def _alone(results: Results) -> list[ConditionRecord]:
    return [one for one in results.conditions if not one.is_one_of_many]


def _some(group: Sequence[ConditionRecord], most: int) -> list[str]:
    """At most so many conditions of a group, the last among them."""
    names = [one.name for one in group]
    while len(names) > most:
        names = names[1::2]
    return names
