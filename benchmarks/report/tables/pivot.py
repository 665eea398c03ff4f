"""Tables as pivots: what a table is of is declared, and one engine makes all of them.

Below the engine stand the sources of what most tables are of, and the notes below such tables.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product
from statistics import mode

from benchmarks.nouns import Contestant
from benchmarks.report.editorial import RIGHT
from benchmarks.report.number_format import between, networks, rounded
from benchmarks.report.results import Quantity, Results, TableRow
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.texts import left_out_remark, listed
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

REFERENCE = "clean images are the reference of detection"
NO_LABELS = "the images have no label"
NOT_MEASURED = "not measured on these images"
MISSING = (REFERENCE, NO_LABELS, NOT_MEASURED)
"""Why there is no cell. Rows and columns that have nothing else are left out."""

Label = tuple[Hashable, str]
"""What something is, and what it is called: two things may be called alike."""

Place = Mapping[str, Label]
"""What a cell is of on each axis, by the heading of the axis."""

Source = Callable[[Results, "Pivot"], Iterable[tuple[Place, Cell]]]
"""The cells of a pivot, in the order of their rows and columns."""

BUDGET = "Budget"
"""The axis by which the rows of tables stand in blocks, where a run has several budgets."""


@dataclass(frozen=True)
class Pivot:
    """The declaration of a table.

    Attributes:
        name: of its files.
        title: what it shows; the caption has numbers of images, too.
        quantities: what it shows; none where it shows no measures.
        source: where its cells come from.
        group: the axis by which rows are grouped, if any.
        rows: the axes whose values name a row.
        columns: the axis of the columns.
        notes: what else the reader must know, in sentences.
    """

    name: str
    title: str
    quantities: Callable[[Results], Iterable[Quantity]]
    source: Source
    group: str = "Images"
    rows: tuple[str, ...] = ("Method",)
    columns: str = "Metric"
    notes: Callable[[Results, Pivot], Iterable[str]] = lambda *_: ()


def table_of(pivot: Pivot, results: Results) -> Table | None:
    """The table of a run's results; ``None`` if it would be empty."""
    blocks: dict[tuple[str, Label], dict[tuple[Label, ...], dict[Label, Cell]]] = {}
    for place, cell in pivot.source(results, pivot):
        group = place[pivot.group] if pivot.group else ("", "")
        rows = blocks.setdefault((place.get(BUDGET, ("", ""))[1], group), {})
        cells_of_row = rows.setdefault(tuple(place[axis] for axis in pivot.rows), {})
        cells_of_row[place[pivot.columns]] = cell
    order = list(dict.fromkeys(budget for budget, _ in blocks))
    lines = [
        (budget, group, labels, cells)
        for (budget, (_, group)), block in sorted(
            blocks.items(), key=lambda b: order.index(b[0][0])
        )
        for labels, cells in block.items()
        if _is_measured(cells.values())
    ]
    if not lines:
        return None
    columns = [
        column
        for column in dict.fromkeys(chain(*(cells for *_, cells in lines)))
        if _is_measured(cells[column] for *_, cells in lines if column in cells)
    ]
    return Table(
        name=pivot.name,
        caption=f"{pivot.title}.{_setting(results, pivot)}",
        group_heading=pivot.group,
        label_headings=pivot.rows,
        headings=tuple(text for _, text in columns),
        rows=tuple(
            Row(
                group,
                tuple(text for _, text in labels),
                tuple(cells.get(column, Cell(reason=NOT_MEASURED)) for column in columns),
                budget,
            )
            for budget, group, labels, cells in lines
        ),
        remarks=tuple(filter(None, pivot.notes(results, pivot))),
    )


def _is_measured(cells: Iterable[Cell]) -> bool:
    return any(cell.reason not in MISSING for cell in cells)


def _setting(results: Results, pivot: Pivot) -> str:
    """Of how many images a table is, in its caption."""
    conditions = {quantity.condition for quantity in pivot.quantities(results)}
    if not conditions:
        return ""
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    return f" {images} images per condition."


# Sources.


def quality(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The mean over replicates."""
    quantities = list(pivot.quantities(results))
    contestants = results.evaluated_on([quantity.condition for quantity in quantities])
    for quantity, contestant in product(quantities, contestants):
        cell = value_cell(results, contestant, quantity)
        yield _place(results, contestant, quantity), cell


def abstaining(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The error in percent, by the share of images that methods abstain on.

    Without the remarks on intervals that `summary.csv` has.
    """
    for place, cell in quality(results, pivot):
        metric = results.names.metric(str(place["Metric"][0]))
        share = 100 * (1 - metric.coverage)
        error, guess = (
            100 * (1 - number if metric.name == RIGHT else number)
            for number in (cell.value, metric.guessing)
        )
        heading = f"Abstains\non {share:.4g} %" if share else "Error of\nall images"
        yield (
            {**place, "Abstaining": (metric.name, heading)},
            cell._replace(
                value=error,
                half_width=100 * cell.half_width,
                guessing=f"error {guess:.3g} %" if cell.guessing else "",
                reason="" if cell.status == "ok" else cell.reason,
            ),
        )


def members(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """How much members of each method differ, the most first."""
    quantities = list(pivot.quantities(results))
    values = {
        contestant: {q: value_cell(results, contestant, q) for q in quantities}
        for contestant in results.compared
    }
    several = {v: cells for v, cells in values.items() if cells[quantities[-1]].value > 0}
    for contestant in sorted(several, key=lambda v: several[v][quantities[-1]].value, reverse=True):
        for quantity, cell in several[contestant].items():
            place = place_of(results, contestant)
            yield {**place, "Measure": (quantity, heading(results, quantity))}, cell


def value_cell(results: Results, contestant: Contestant, quantity: Quantity) -> Cell:
    """The cell of a method, with what the rule says where it applies."""
    row, metric = results.row(contestant, quantity), results.names.metric(quantity.metric)
    if row is None:
        return Cell(reason=_why_missing(results, quantity))
    value, lower, upper = row["value"], row["lower"], row["upper"]
    worse = metric.is_worse_than_guessing(value, lower, upper)
    return Cell(
        value,
        (upper - lower) / 2,
        row["status"],
        row["reason"],
        is_best=results.is_best(contestant, quantity),
        better=results.better(contestant, quantity),
        guessing=f"{metric.label} {rounded(metric.guessing)[0]}" if worse else "",
    )


def _why_missing(results: Results, quantity: Quantity) -> str:
    """Why the summary has no row."""
    condition = results.names.condition(quantity.condition)
    needs = results.names.metric(quantity.metric).needs
    if "reference" in needs and condition.name == condition.reference:
        return REFERENCE
    return NO_LABELS if "labels" in needs and condition.labels == "none" else NOT_MEASURED


def worth_cell(row: TableRow | None) -> Cell:
    """How many networks something is worth, as a row of ``answer.csv`` has it."""
    if row is None or not row["worth"]:
        return Cell(reason=row["worth_reason"] if row else NOT_MEASURED)
    worth, lower, upper = row["worth"], row["worth_lower"], row["worth_upper"]
    text = worth if {lower, upper} <= {worth, ""} else f"{worth} ({between(lower, upper)})"
    return Cell(networks(worth), status="ok", reason=row["worth_reason"], text=text)


def place_of(results: Results, contestant: Contestant) -> Place:
    """The place of a method of a size, with its budget where there are several."""
    block = results.block(contestant)
    return {BUDGET: (block, block), "Method": (contestant, results.names.label(contestant))}


def heading(results: Results, quantity: Quantity) -> str:
    """The metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def _place(results: Results, contestant: Contestant, quantity: Quantity) -> Place:
    names = results.names
    return {
        **place_of(results, contestant),
        "Images": (quantity.condition, results.label_of(quantity.condition)),
        "Score": (quantity.score, names.score(quantity.score).label),
        "Metric": (quantity.metric, names.printed(quantity.metric).heading),
    }


# Notes.

INTERVAL = "± is half the width of the 95 % interval; what it covers: docs/statistics.md."

BINNED = "ECE and MCE are biased upwards."

ONE_ENSEMBLE = "The interval of a single ensemble does not cover how networks differ."


def remarks(results: Results, pivot: Pivot) -> Iterator[str]:
    """What the reader must know of a table of means over replicates."""
    names, quantities = results.names, list(pivot.quantities(results))
    contestants = results.evaluated_on([quantity.condition for quantity in quantities])
    yield replicates_remark(results, contestants)
    metrics = list(dict.fromkeys(names.metric(quantity.metric) for quantity in quantities))
    if "Score" not in pivot.rows:
        ranked = [metric for metric in metrics if "score" in metric.needs]
        detects = any("reference" in metric.needs for metric in ranked)
        against = "; detection is against clean images" if detects else ""
        if ranked:
            labels = ", ".join(metric.label for metric in ranked)
            yield f"{labels}: images ranked by {results.primary_score_label(contestants)}{against}."
    if any(metric.biased for metric in metrics):
        yield BINNED
    methods = {contestant.method: names.method(contestant.method) for contestant in contestants}
    pooled = [method for method in methods.values() if method.pooled]
    known = results.summary["reason"].str.contains(NETWORKS_KNOWN_FROM, regex=False).any()
    if not known and len(pooled) > 1 and any(method.counts_networks for method in pooled):
        yield ONE_ENSEMBLE
    if others := [m.label for m in methods.values() if m.name in results.on_other_images]:
        yield f"Fitted on another number of images: {listed(others)}."


def remarks_with_left_out(results: Results, pivot: Pivot) -> Iterator[str]:
    """The same, and which conditions have no data."""
    yield from remarks(results, pivot)
    yield left_out_remark(results.left_out)


def remarks_of_subsets(results: Results, pivot: Pivot) -> Iterator[str]:
    """Also which methods can afford no more images."""
    names = results.names
    contestants = results.evaluated_on(
        [quantity.condition for quantity in pivot.quantities(results)]
    )
    slow = [
        names.label(contestant)
        for contestant in contestants
        if names.method(contestant.method).slow
    ]
    if slow:
        yield f"Too slow for more images: {listed(slow)}."
    yield from remarks_with_left_out(results, pivot)


def replicates_remark(results: Results, contestants: Iterable[Contestant]) -> str:
    """Of how many replicates values are means, and what ± is."""
    counts = {
        results.names.label(contestant): results.replicates(contestant)
        for contestant in contestants
    }
    return f"Means over replicates ({_replicates(counts)}). {INTERVAL}"


def _replicates(counts: Mapping[str, int]) -> str:
    """The number that most methods have, and the others'.

    >>> _replicates({"Softmax": 5, "MC-dropout": 5, "Deep ensemble": 2, "Laplace": 0})
    '5; Deep ensemble: 2'
    """
    known = {label: count for label, count in counts.items() if count}
    usual = mode(known.values()) if known else 0
    others = (f"{label}: {count}" for label, count in known.items() if count != usual)
    return "; ".join((str(usual), *others))
