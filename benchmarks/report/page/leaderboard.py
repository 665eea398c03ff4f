"""The main table as a leaderboard: a view a kind of images, without columns that say nothing."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.report.results import Results
from benchmarks.report.tables.quality import main_table
from benchmarks.report.tables.table import Cell, Row, Table


class View(NamedTuple):
    """The lines of one kind of images.

    Attributes:
        name: of the images.
        headings: over the columns in which any method has a value.
    """

    name: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


class Leaderboard(NamedTuple):
    """The main table, cut into views; its notes belong below each."""

    table: Table
    views: tuple[View, ...]


def leaderboard(results: Results, recipe: str) -> Leaderboard:
    """The views in the order of the table's groups."""
    table = main_table(results, recipe)
    groups = dict.fromkeys(row.group for row in table.rows)
    return Leaderboard(table, tuple(_view(table, group) for group in groups))


def _view(table: Table, group: str) -> View:
    rows = [row for row in table.rows if row.group == group]
    told = [
        place
        for place in range(len(table.headings))
        if any(_tells(row.cells[place]) for row in rows)
    ]
    return View(
        name=group,
        headings=tuple(table.headings[place].replace("\n", " ") for place in told),
        rows=tuple(row._replace(cells=tuple(row.cells[place] for place in told)) for row in rows),
    )


def _tells(cell: Cell) -> bool:
    """Whether there is a value, or a reason worth a footnote why there is none."""
    return cell.value == cell.value or bool(cell.footnote)
