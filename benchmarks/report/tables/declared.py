"""All tables of a run: what each shows, as a pivot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import product
from operator import attrgetter

from benchmarks.nouns import MetricRecord
from benchmarks.report.claims import verdict_table
from benchmarks.report.editorial import DETECTION, DIVERSITY, RIGHT, SELECTION
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.cost import cost
from benchmarks.report.tables.front import front
from benchmarks.report.tables.notes import INTERVAL, remarks
from benchmarks.report.tables.pivot import Pivot, Placed, place, table_of, value_cell, values
from benchmarks.report.tables.ranking import leaderboard, leaderboard_notes, worth
from benchmarks.report.tables.table import Table
from benchmarks.report.timings import NOT_TIMED
from benchmarks.vocabulary import CLEAN


def tables_of(results: Results) -> list[Table]:
    """All tables of a run for which there are numbers."""
    return [table for make in tables_by_name(results).values() if (table := make())]


def tables_by_name(results: Results) -> dict[str, Callable[[], Table | None]]:
    """All declared tables by their names, each made when it is called; ``None``: no numbers."""
    return {
        "front": lambda: front([results]),
        **{pivot.name: partial(table_of, pivot, results) for pivot in PIVOTS},
        "claims": lambda: verdict_table(results.claims) if results.claims else None,
    }


# The numbers that a table shows.


def main_quantities(results: Results) -> Iterator[Quantity]:
    """The main metrics on all images, and on the few images that slow methods can afford."""
    subsets = [each.name for each in results.evaluated if each.subset]
    return _quantities([*results.main_conditions, *subsets], results.names.main)


def calibration(results: Results) -> Iterator[Quantity]:
    """Calibration on images with labels, also ill-defined ones."""
    conditions = map(results.names.condition, results.main_conditions)
    labelled = [each.name for each in conditions if each.labels != "none"]
    return _quantities(labelled, shown_in("calibration", results))


def set_quantities(results: Results) -> Iterator[Quantity]:
    """Conformal sets; none where a run has no calibration images."""
    known = set(results.summary.loc[results.summary["value"].notna(), "metric"])
    metrics = [metric for metric in shown_in("sets", results) if metric.name in known]
    means = [each.name for each in results.evaluated if each.is_mean]
    return _quantities([CLEAN, *means], metrics)


def uncertainty(results: Results) -> Iterator[Quantity]:
    """Uncertainties on all images."""
    return _quantities(results.main_conditions, shown_in("uncertainty", results))


def abstaining_quantities(results: Results) -> Iterator[Quantity]:
    """The error at each coverage, the largest first, and the measures of the ranking."""
    ranking = [metric for metric in shown_in("abstaining", results) if metric.coverage == 1]
    return _quantities(results.well_labelled, [*results.abstained, *ranking])


def detection(results: Results) -> Iterator[Quantity]:
    """Detection of images that belong to none of the classes."""
    return _quantities(_foreign(results), shown_in("detection", results))


def by_each_score(results: Results) -> Iterator[Quantity]:
    """Detection and selection by each score, also by those that only one method has."""
    rows = results.summary[results.summary["metric"] == SELECTION]
    counts = rows.groupby("condition")["score"].nunique()
    several = [name for name in results.well_labelled if counts.get(name, 0) > 1]
    suite = [score.name for score in results.names.scores]
    own = sorted(set(results.summary["score"]) - {*suite, ""})
    pairs = [*product(_foreign(results), [DETECTION]), *product(several, [SELECTION])]
    return (Quantity(*pair, score) for pair, score in product(pairs, [*suite, *own]))


def diversity(results: Results) -> Iterator[Quantity]:
    """The differences between members on clean images and under the last shift."""
    shifts = [each.name for each in results.evaluated if each.is_mean and each.headline]
    return (Quantity(*pair) for pair in product((CLEAN, *shifts[-1:]), DIVERSITY))


def shown_in(table: str, results: Results) -> list[MetricRecord]:
    """The metrics of a kind of table."""
    return [metric for metric in results.names.metrics if table_name(metric) == table]


def table_name(metric: MetricRecord) -> str:
    """The table that shows a metric, whatever others do."""
    if metric.level:
        return "sets"
    tables = {"reference": "detection", "score": "abstaining", "labels": "calibration"}
    return next((name for need, name in tables.items() if need in metric.needs), "uncertainty")


def _foreign(results: Results) -> list[str]:
    """The conditions whose images belong to none of the classes, and the mean over them."""
    means = (quantity.condition for quantity in results.headline if quantity.metric == DETECTION)
    return [*(each.name for each in results.conditions if each.labels == "none"), *means]


def _quantities(conditions: Iterable[str], metrics: Iterable[MetricRecord]) -> Iterator[Quantity]:
    pairs = product(conditions, metrics)
    return (Quantity(condition, metric.name) for condition, metric in pairs)


# Cells that are not just values.


def abstaining(results: Results, pivot: Pivot) -> Iterator[Placed]:
    """The errors in percent, by the share of images that methods abstain on, and the ranking."""
    for axes, cell in values(results, pivot):
        metric = results.names.metric(axes["Quantity"][0].metric)
        if cell is None or metric not in results.abstained:
            yield axes, cell
            continue
        share = 100 * (1 - metric.coverage)
        error, guess = (
            100 * (1 - number if metric.name == RIGHT else number)
            for number in (cell.value, metric.guessing)
        )
        heading = f"Error (%)\nwithout {share:.4g} %" if share else "Error (%)\nof all"
        yield (
            {**axes, "Metric": (metric.name, heading)},
            cell._replace(
                value=error,
                half_width=100 * cell.half_width,
                guessing=f"error {guess:.3g} %" if cell.guessing else "",
                reason="" if cell.status == "ok" else cell.reason,
            ),
        )


def sets(results: Results, pivot: Pivot) -> Iterator[Placed]:
    """The conformal sets of each level, one below the other."""
    for axes, cell in values(results, pivot):
        metric = results.names.metric(axes["Quantity"][0].metric)
        group, images = axes["Images"]
        level = f"{images}, {100 * metric.level:g} %"
        kind, *_ = metric.label.split(",")
        kind = results.names.printed(metric.name)._replace(name=kind).heading
        yield {**axes, "Images": ((group, metric.level), level), "Metric": (kind, kind)}, cell


def members(results: Results, pivot: Pivot) -> Iterator[Placed]:
    """The differences between the members of each method, the most first."""
    shown = list(pivot.quantities(results))
    cells = {each: value_cell(results, each, shown[-1]) for each in results.compared}
    several = {each: cell.value for each, cell in cells.items() if cell and cell.value > 0}
    for contestant in sorted(several, key=lambda each: (results.block(each), -several[each])):
        for quantity in shown:
            yield place(results, contestant, quantity), value_cell(results, contestant, quantity)


# The tables.


def noted(sentences: str) -> Callable[[Results, Pivot], tuple[str, ...]]:
    """What the reader must know, whatever the results are."""
    return lambda *_: (sentences,)


Means = partial(Pivot, source=values, notes=remarks)
ByMeasure = partial(Pivot, rows=("Method",), columns="Measure")

LEADERBOARD = ByMeasure(
    "leaderboard",
    "The methods by the measures that decide",
    attrgetter("headline"),
    source=leaderboard,
    notes=leaderboard_notes,
)

MAIN = Means("main", "All methods under all conditions", main_quantities)

COST = Pivot(
    "cost",
    "Time, training and size of each method and score, at a method’s largest size",
    lambda _: (),
    source=cost,
    rows=("Device", "Method"),
    columns="Cost",
    notes=noted(
        "ms: the median time of one call of predict; ± is half the width of its 95 % interval. "
        "Differences under 20 % are ties. The kernels use one thread. Training is the sum of the "
        "wall times of all networks that the method uses; fitting, by PyTorch, comes on top. "
        "Multiply-adds follow from the definition of the networks; engines may compute fewer. How "
        "methods are timed: docs/speed.md."
    ),
    missing=NOT_TIMED,
)

PIVOTS = (
    LEADERBOARD,
    ByMeasure(
        "worth",
        "Worth in networks by the measures that decide",
        attrgetter("headline"),
        source=worth,
        notes=noted(
            "Worth in networks: the size of the deep ensemble that does as well, with its 95 % "
            "interval in brackets; < and >: outside the sizes that were evaluated."
        ),
    ),
    ByMeasure(
        "members",
        "How much the members of a method differ, the most first",
        diversity,
        source=members,
        notes=noted(
            "Disagreement is the chance that two members predict different classes; mutual "
            "information is the part of the predictive entropy that comes from their differences. "
            f"{INTERVAL}"
        ),
    ),
    MAIN,
    Means("calibration", "Calibration in detail, 15 bins", calibration),
    Means(
        "sets",
        "Conformal prediction sets, by the coverage that is guaranteed for images exchangeable "
        "with the calibration images",
        set_quantities,
        source=sets,
    ),
    Means("uncertainty", "Mean uncertainty per image", uncertainty),
    Means(
        "abstaining",
        "Error on accepted images, without those most uncertain by a method’s primary score, and "
        "measures of that ranking",
        abstaining_quantities,
        source=abstaining,
    ),
    Means("detection", "Detection of out-of-distribution images", detection),
    Means(
        "scores",
        "Detection of out-of-distribution and of misclassified images by each score",
        by_each_score,
        rows=("Method", "Score"),
        columns="Measure",
    ),
    COST,
)
"""All declared tables but that of claims, whether or not a run has numbers for them."""
