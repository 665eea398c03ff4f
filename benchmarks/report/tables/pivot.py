"""Tables as pivots: what a table is of is declared, and one function makes all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.report.number_format import between, networks, rounded
from benchmarks.report.results import Quantity, Results, TableRow
from benchmarks.report.tables.table import Cell, Row, Table

NOT_MEASURED = "not measured on these images"

Label = tuple[Any, str]
"""What something is, and what it is called: two things may be called alike."""

Place = Mapping[str, Label]
"""What a cell is of on each axis, by the heading of the axis."""

Placed = tuple[Place, Cell | None]
"""A cell in its place; ``None``: there is nothing to show."""

Source = Callable[[Results, "Pivot"], Iterable[Placed]]
"""The cells of a pivot, rows and columns in their order."""

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
        notes: what else the reader must know, in sentences.
        rows: the axes that name a row; of two, the first groups the rows.
        columns: the axis of the columns.
        missing: why there is no cell.
    """

    name: str
    title: str
    quantities: Callable[[Results], Iterable[Quantity]]
    source: Source
    notes: Callable[[Results, Pivot], Iterable[str]]
    rows: tuple[str, ...] = ("Images", "Method")
    columns: str = "Metric"
    missing: str = NOT_MEASURED


def table_of(pivot: Pivot, results: Results) -> Table | None:
    """The table of a run's results, without empty rows and columns; ``None`` if none is left."""
    cells = pd.DataFrame({**place, "cell": cell} for place, cell in pivot.source(results, pivot))
    if cells.empty or cells["cell"].isna().all():
        return None
    # Of two cells in one place the last: the mean over a single condition is called as that is.
    wide = cells.pivot_table(
        "cell", [BUDGET, *pivot.rows], pivot.columns, aggfunc="last", sort=False
    )
    missing = Cell(reason=pivot.missing)
    rows = []
    for labels, *values in wide.itertuples(name=None):
        block, *groups, label = (text for _, text in labels)
        known = (value if isinstance(value, Cell) else missing for value in values)
        rows.append(Row("".join(groups), (label,), tuple(known), block))
    return Table(
        name=pivot.name,
        caption=f"{pivot.title}.{_setting(results, pivot)}",
        group_heading="".join(pivot.rows[:-1]),
        label_headings=pivot.rows[-1:],
        headings=tuple(label[-1] for label in wide.columns),
        rows=tuple(rows),
        remarks=tuple(filter(None, pivot.notes(results, pivot))),
    )


def _setting(results: Results, pivot: Pivot) -> str:
    """The numbers of images that a table is of, for its caption."""
    conditions = {quantity.condition for quantity in pivot.quantities(results)}
    if not conditions:
        return ""
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    return f" {images} images per condition."


def values(results: Results, pivot: Pivot) -> Iterator[Placed]:
    """The mean over replicates of each compared method and each quantity."""
    for quantity, contestant in product(list(pivot.quantities(results)), results.compared):
        yield place(results, contestant, quantity), value_cell(results, contestant, quantity)


def place(results: Results, contestant: Contestant, quantity: Quantity) -> Place:
    """What a cell of a method and a measure is of."""
    names, condition = results.names, results.names.condition(quantity.condition)
    label = results.label(contestant) if contestant.score else names.label(contestant)
    return {
        BUDGET: results.block(contestant),
        "Method": (contestant, label),
        "Images": (condition.group, condition.label),
        "Score": (quantity.score, names.score(quantity.score).label),
        "Metric": (quantity.metric, names.printed(quantity.metric).heading),
        "Measure": ((quantity.metric, condition.group), heading(results, quantity)),
        "Quantity": (quantity, ""),
    }


def heading(results: Results, quantity: Quantity) -> str:
    """The metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def value_cell(results: Results, contestant: Contestant, quantity: Quantity) -> Cell | None:
    """The cell of a method, with what the rule says where it applies."""
    row, metric = results.row(contestant, quantity), results.names.metric(quantity.metric)
    if row is None:
        return None
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


def worth_cell(row: TableRow) -> Cell:
    """The number of networks that something is worth, as a row of ``answer.csv`` has it."""
    if not row["worth"]:
        return Cell(reason=row["worth_reason"])
    worth, lower, upper = row["worth"], row["worth_lower"], row["worth_upper"]
    text = worth if {lower, upper} <= {worth, ""} else f"{worth} ({between(lower, upper)})"
    return Cell(networks(worth), status="ok", reason=row["worth_reason"], text=text)
