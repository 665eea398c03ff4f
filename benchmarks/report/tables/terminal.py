"""A table in a terminal, transposed: measures are many, and columns few."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table as TerminalTable
from rich.text import Text

from benchmarks.escaping import terminal_text
from benchmarks.report.tables.table import BEST, MARKS, Cell, Table, one_line


def terminal(table: Table) -> Iterator[TerminalTable]:
    """A column for each row of the table, and a line for each of its columns.

    Each group of several rows is a table of its own; groups of one row share a table.
    """
    single = len(table.groups) == len(table.rows)
    for rows in [table.rows] if single else table.groups.values():
        shown = TerminalTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        shown.add_column(terminal_text("" if single else rows[0].group))
        for row in rows:
            labels = (row.group, *row.labels) if single else row.labels
            shown.add_column(terminal_text("\n".join(filter(None, labels))), justify="right")
        for heading, *cells in zip(table.headings, *(row.cells for row in rows), strict=True):
            name = terminal_text(heading.replace("\n", " "))
            shown.add_row(name, *(_text(cell, table) for cell in cells))
        yield shown


def caption(table: Table) -> Text:
    """What stands above the table."""
    return terminal_text(table.caption, style="bold")


def notes(table: Table) -> Iterator[Text]:
    """The notes below the table."""
    for line in table.notes:
        yield terminal_text(one_line(line))


def _text(cell: Cell, table: Table) -> Text:
    value, spread = cell.texts
    marks = (MARKS.get(cell.verdict, ""), table.footnotes.get(cell.footnote, ""))
    parts = filter(None, (value, spread and f"± {spread}", *marks))
    return terminal_text(" ".join(parts), style="bold" if cell.verdict == BEST else "")
