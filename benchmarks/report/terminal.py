"""A table as a terminal shows it: turned, since measures are many and columns few."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table as Shown
from rich.text import Text

from benchmarks.report.table import BEST, MARKS, Cell, Table


def terminal(table: Table) -> Iterator[Shown]:
    """A column for each of the table's rows, a line for each of its columns.

    Groups of several rows are tables of their own; groups of one stand side by side.
    """
    groups = {row.group: [r for r in table.rows if r.group == row.group] for row in table.rows}
    alone = len(groups) == len(table.rows)
    for rows in [table.rows] if alone else groups.values():
        shown = Shown(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        shown.add_column("" if alone else rows[0].group)
        for row in rows:
            labels = (row.group, *row.labels) if alone else row.labels
            shown.add_column("\n".join(filter(None, labels)), justify="right")
        for heading, *cells in zip(table.headings, *(row.cells for row in rows), strict=True):
            shown.add_row(heading.replace("\n", " "), *(_text(cell, table) for cell in cells))
        yield shown


def notes(table: Table) -> Iterator[str]:
    """What is to be said below, a line each."""
    for mark, text in table.notes:
        yield f"{mark} {text}".lstrip()


def _text(cell: Cell, table: Table) -> Text:
    value, spread = cell.texts
    marks = (MARKS.get(cell.verdict, ""), table.footnotes.get(cell.footnote, ""))
    words = filter(None, (value, spread and f"± {spread}", *marks))
    return Text(" ".join(words), style="bold" if cell.verdict == BEST else "")
