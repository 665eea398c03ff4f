"""The main table as a leaderboard: a view a kind of images, without empty columns."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from benchmarks.report.results import Results
from benchmarks.report.tables.quality import main_table
from benchmarks.report.tables.table import Cell, Row, Table


class View(NamedTuple):
    """The rows of one kind of images.

    Attributes:
        name: of the images.
        headings: over the columns in which any method has a value or a footnote.
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
    # Conditions without data are named once on the page, not below each leaderboard.
    table = main_table(replace(results, left_out=()), recipe)
    groups = dict.fromkeys(row.group for row in table.rows)
    return Leaderboard(table, tuple(_view(table, group) for group in groups))


def _view(table: Table, group: str) -> View:
    rows = [row for row in table.rows if row.group == group]
    shown = [
        column
        for column in range(len(table.headings))
        if any(_has_content(row.cells[column]) for row in rows)
    ]
    return View(
        name=group,
        headings=tuple(table.headings[column].replace("\n", " ") for column in shown),
        rows=tuple(
            row._replace(cells=tuple(row.cells[column] for column in shown)) for row in rows
        ),
    )


def _has_content(cell: Cell) -> bool:
    """Whether there is a value, or a footnote on why there is none."""
    return cell.value == cell.value or bool(cell.footnote)
