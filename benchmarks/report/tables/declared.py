"""All tables of a run: what each shows, as a pivot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, product
from operator import attrgetter

from benchmarks.nouns import MetricRecord
from benchmarks.report.claims import verdict_table
from benchmarks.report.editorial import DETECTION, DIVERSITY, SELECTION
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.cost import latency, resources, score_latency, sizes
from benchmarks.report.tables.pivot import (
    INTERVAL,
    Pivot,
    abstaining,
    members,
    quality,
    remarks,
    remarks_of_subsets,
    remarks_with_left_out,
    table_of,
)
from benchmarks.report.tables.ranking import leaderboard, leaderboard_notes, worth
from benchmarks.report.tables.table import Table
from benchmarks.report.timings import remark
from benchmarks.vocabulary import CLEAN


def tables_of(results: Results) -> list[Table]:
    """All tables of a run for which there are numbers."""
    return [table for make in tables_by_name(results).values() if (table := make())]


def tables_by_name(results: Results) -> dict[str, Callable[[], Table | None]]:
    """All declared tables by their names, each made when it is called; ``None``: no numbers."""
    return {
        **{pivot.name: partial(table_of, pivot, results) for pivot in pivots(results)},
        "claims": lambda: verdict_table(results.claims) if results.claims else None,
    }


def pivots(results: Results) -> tuple[Pivot, ...]:
    """All declared tables, whether or not the run has numbers for them."""
    return (
        LEADERBOARD,
        WORTH,
        MEMBERS,
        *MEANS,
        *map(sets_table, levels(results)),
        *FURTHER,
        *TIMES,
    )


def made_of(pivots: Iterable[Pivot], results: Results) -> list[Table]:
    """The tables of these that are not empty."""
    return [table for pivot in pivots if (table := table_of(pivot, results))]


# What a table shows.


def measures(
    conditions: Callable[[Results], Iterable[str]],
    metrics: Callable[[Results], Iterable[MetricRecord]],
) -> Callable[[Results], Iterator[Quantity]]:
    """Each of these metrics under each of these conditions."""
    return lambda results: (
        Quantity(condition, metric.name)
        for condition, metric in product(conditions(results), list(metrics(results)))
    )


def by_score(
    conditions: Callable[[Results], Iterable[str]], metric: str
) -> Callable[[Results], Iterator[Quantity]]:
    """A metric by each score, also by those that only one method has, under these conditions."""

    def quantities(results: Results) -> Iterator[Quantity]:
        own = chain(*map(results.method_scores, results.compared))
        scores = dict.fromkeys([*(score.name for score in results.names.scores), *own])
        return (Quantity(*key) for key in product(conditions(results), [metric], scores))

    return quantities


def in_kind(kind: str) -> Callable[[Results], Iterator[MetricRecord]]:
    """The metrics of a kind of table that judge all images."""
    return lambda results: (
        metric
        for metric in results.names.metrics
        if table_kind_of(metric) == kind and metric.coverage == 1
    )


def table_kind_of(metric: MetricRecord) -> str:
    """The kind of table that shows the metric, whatever others do."""
    if metric.level:
        return "sets"
    kinds = {"reference": "detection", "score": "selective", "labels": "calibration"}
    return next((kind for need, kind in kinds.items() if need in metric.needs), "uncertainty")


def kinds_of_shift(results: Results) -> Iterator[str]:
    """The conditions of groups without a severity, and the mean over each group."""
    means = {results.names.condition(name).group: name for name in results.group_means}
    for group, conditions in results.without_severity.items():
        yield from (condition.name for condition in conditions)
        yield from [means[group]] if group in means else []


def unlabelled(results: Results) -> Iterator[str]:
    """The conditions whose images belong to none of the classes, and the mean over them."""
    yield from results.ood
    yield from (q.condition for q in results.headline if q.metric == DETECTION)


def judging_predictions(results: Results) -> list[MetricRecord]:
    """The main measures that judge predictions by labels."""
    return [metric for metric in results.names.main if "labels" in metric.needs]


def ranked_by_several(results: Results) -> Iterator[str]:
    """The labelled conditions under which images were ranked by more than one score."""
    rows = results.summary[results.summary["metric"] == SELECTION]
    scores = rows.groupby("condition")["score"].nunique()
    return (name for name in results.well_labelled if scores.get(name, 0) > 1)


def levels(results: Results) -> Iterable[float]:
    """The coverages that conformal sets were to have."""
    known = set(results.summary.loc[results.summary["value"].notna(), "metric"])
    metrics = [metric for metric in results.names.metrics if metric.name in known]
    return dict.fromkeys(metric.level for metric in metrics if metric.level)


def noted(sentences: str) -> Callable[[Results, Pivot], tuple[str, ...]]:
    """What the reader must know, whatever the results are."""
    return lambda *_: (sentences,)


# The tables.

MAIN_CONDITIONS, MAIN_METRICS = attrgetter("main_conditions"), attrgetter("names.main")
LABELLED, WELL_LABELLED = attrgetter("labelled"), attrgetter("well_labelled")
SUBSETS = attrgetter("subsets")

HeadlinePivot = partial(Pivot, quantities=attrgetter("headline"), group="", columns="Measure")
Means = partial(Pivot, source=quality, notes=remarks)
ByScore = partial(Means, group="Method", rows=("Score",), columns="Images")

MEMBERS = Pivot(
    "members",
    "How much the members of a method differ, the most first",
    lambda results: (
        Quantity(*key) for key in product((CLEAN, *results.headline_shifts[-1:]), DIVERSITY)
    ),
    members,
    group="",
    columns="Measure",
    notes=noted(
        "Disagreement is the chance that two members predict different classes; mutual information "
        f"is the part of the predictive entropy that comes from their differences. {INTERVAL}"
    ),
)

LEADERBOARD = HeadlinePivot(
    "leaderboard",
    "The methods by the measures that decide",
    source=leaderboard,
    notes=leaderboard_notes,
)

WORTH = HeadlinePivot(
    "worth",
    "Worth in networks by the measures that decide",
    source=worth,
    notes=noted(
        "Worth in networks: the size of the deep ensemble that does as well, with its 95 % "
        "interval in brackets; < and >: outside the sizes that were evaluated."
    ),
)

MAIN = Means(
    "main",
    "All methods under all conditions",
    measures(MAIN_CONDITIONS, MAIN_METRICS),
    notes=remarks_with_left_out,
)

MEANS = (
    MAIN,
    Means(
        "shifts",
        "All methods on each kind of shifted images",
        measures(kinds_of_shift, judging_predictions),
    ),
    Means(
        "calibration",
        "Calibration in detail, 15 bins",
        measures(LABELLED, in_kind("calibration")),
    ),
    Means(
        "uncertainty",
        "Mean uncertainty per image",
        measures(MAIN_CONDITIONS, in_kind("uncertainty")),
    ),
    Means(
        "detection",
        "Detection of out-of-distribution images",
        measures(unlabelled, in_kind("detection")),
        notes=remarks_with_left_out,
    ),
    ByScore(
        "detection-scores",
        "Detection of out-of-distribution images, by each score: AUROC ↑",
        by_score(unlabelled, DETECTION),
    ),
    Means(
        "selective",
        "Detection of misclassified images",
        measures(WELL_LABELLED, in_kind("selective")),
    ),
    ByScore(
        "selective-scores",
        "Detection of misclassified images, by each score: AUGRC ↓",
        by_score(ranked_by_several, SELECTION),
    ),
    Means(
        "subset",
        "All methods on the same few images, which slow methods can afford",
        measures(SUBSETS, MAIN_METRICS),
        notes=remarks_of_subsets,
    ),
)
"""The tables of means over replicates."""


def sets_table(level: float) -> Pivot:
    """The table of conformal sets that are to cover this share of the images."""
    return Means(
        f"sets-{100 * level:g}",
        f"Conformal prediction sets at {100 * level:g} % coverage, which is guaranteed only for "
        "images exchangeable with the calibration images",
        measures(
            lambda results: (CLEAN, *results.group_means),
            lambda results: (metric for metric in results.names.metrics if metric.level == level),
        ),
    )


FURTHER = (
    Pivot(
        "abstaining",
        "Error (%) on accepted images, by the share of images that a method abstains on: those "
        "most uncertain by its primary score; ± half the 95 % interval",
        measures(WELL_LABELLED, attrgetter("abstained")),
        abstaining,
        columns="Abstaining",
    ),
    HeadlinePivot(
        "cost",
        "Each size of the methods that were measured at several, and its median latency",
        source=sizes,
        group="Method",
        rows=("Size",),
        columns="Cost",
        notes=lambda results, _: (INTERVAL, remark(results.latency)),
    ),
)

Times = partial(Pivot, quantities=lambda _: (), group="Device", columns="Cost")

LATENCY = Times(
    "latency",
    "Median latency in milliseconds, by batch size",
    source=latency,
    notes=noted(
        "Median time of one call of predict; ± is half the width of its 95 % interval. Differences "
        "under 20 % are ties. The kernels use one thread. How methods are timed: docs/speed.md."
    ),
)

TIMES = (
    LATENCY,
    Times(
        "latency-scores",
        "Cost of each score of one network; its median latency in milliseconds, by batch size",
        source=score_latency,
        rows=("Score",),
        notes=noted(
            "From images, the forward pass of the network included. Fitting takes as many images "
            "as the task has for training."
        ),
    ),
    Times(
        "resources",
        "Resources of each method",
        source=resources,
        notes=noted(
            "Multiply-adds follow from the definition of the networks; engines may compute fewer. "
            "Training is the sum of the wall times of all networks that the method uses; fitting "
            "comes on top."
        ),
    ),
)
"""The tables that need timings alone."""
