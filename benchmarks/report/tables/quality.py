"""The tables of quality: accuracy, calibration, detection and selective prediction by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.nouns import MetricRecord
from benchmarks.report.editorial import DETECTION, SELECTION
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

SETS = "sets"
"""The kind of tables of metrics of prediction sets."""

KINDS = {
    "detection": {"reference"},
    "selective": {"score"},
    "calibration": {"labels"},
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
    if results.ood:
        yield detection_table(results, recipe)
        yield detection_by_score_table(results, recipe)
    yield selective_table(results, recipe)
    yield selective_by_score_table(results, recipe)
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


def group_table(results: Results, recipe: str, group: str) -> Table:
    """Every method under each condition of a group without severities, and by their mean."""
    records = map(results.names.condition, results.group_means)
    means = [one.name for one in records if one.group == group]
    return _by_condition(
        results,
        recipe,
        f"group-{group}",
        f"All methods on each kind of {group} images.",
        (*(one.name for one in results.without_severity[group]), *means),
        results.names.overview,
    )


def calibration_table(results: Results, recipe: str) -> Table:
    """Every metric of predictions against labels."""
    return _by_condition(
        results,
        recipe,
        "calibration",
        "Calibration in detail, 15 bins.",
        results.labelled,
        _metrics(results, "calibration"),
    )


def sets_table(results: Results, recipe: str, level: float) -> Table:
    """Every metric of the conformal sets that are to cover this share of the images."""
    metrics = [metric for metric in _metrics(results, SETS) if metric.level == level]
    return _by_condition(
        results,
        recipe,
        f"{SETS}-{100 * level:g}",
        f"Conformal prediction sets at {100 * level:g} % coverage, which is guaranteed only for "
        "images exchangeable with the calibration images.",
        (CLEAN, *results.group_means),
        metrics,
    )


def uncertainty_table(results: Results, recipe: str) -> Table:
    """Every mean over images of an uncertainty that needs no label."""
    return _by_condition(
        results,
        recipe,
        "uncertainty",
        "Mean uncertainty per image.",
        results.main_conditions,
        _metrics(results, "uncertainty"),
    )


def detection_table(results: Results, recipe: str) -> Table:
    """Every metric of the detection of out-of-distribution images, by methods' primary scores."""
    return _by_condition(
        results,
        recipe,
        "detection",
        "Detection of out-of-distribution images.",
        results.ood,
        _metrics(results, "detection"),
        with_left_out=True,
    )


def detection_by_score_table(results: Results, recipe: str) -> Table:
    """How well each score of each method detects out-of-distribution images."""
    title = "Detection of out-of-distribution images, by each score"
    return _by_score(results, recipe, "detection-scores", title, results.ood, DETECTION)


def selective_table(results: Results, recipe: str) -> Table:
    """Every metric of the ranking of images by methods' primary scores; labels well defined."""
    metrics = [one for one in _metrics(results, "selective") if one.coverage == 1]
    title = "Detection of misclassified images."
    return _by_condition(results, recipe, "selective", title, results.well_labelled, metrics)


def selective_by_score_table(results: Results, recipe: str) -> Table:
    """How well each score of each method detects misclassified images, where more than one does."""
    rows = results.summary[results.summary["metric"] == SELECTION]
    scores = rows.groupby("condition")["score"].nunique()
    conditions = [one for one in results.well_labelled if scores.get(one, 0) > 1]
    title = "Detection of misclassified images, by each score"
    return _by_score(results, recipe, "selective-scores", title, conditions or [CLEAN], SELECTION)


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


def _by_condition(
    results: Results,
    recipe: str,
    name: str,
    title: str,
    conditions: Sequence[str],
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
    results: Results, recipe: str, name: str, title: str, conditions: Sequence[str], metric: str
) -> Table:
    """A column a condition, a row a score, a group of rows a method; by one metric."""
    variants = results.evaluated_on(conditions)
    known = [score.name for score in results.names.scores]
    quantities = {
        (variant, score): [Quantity(condition, metric, score) for condition in conditions]
        for variant in variants
        for score in (*known, *results.method_scores(variant))
    }
    printed = results.names.printed(metric).title
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title}: {printed}. {_setting(results, recipe, conditions)}",
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
        remarks=remarks(results, variants),
    )


def _setting(results: Results, recipe: str, conditions: Sequence[str]) -> str:
    """Of which recipe and how many images a table is, in its caption."""
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    of_recipe = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{of_recipe}{images} images per condition."
