"""A table as LaTeX: one float, or several where it is longer than a page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from benchmarks.escaping.latex import latex_text
from benchmarks.nouns import TaskRecord
from benchmarks.report.tables.table import (
    BEST,
    EQUIVALENT,
    TIED,
    UNTESTED,
    Cell,
    Row,
    Table,
    one_line,
)
from benchmarks.vocabulary import ILL_DEFINED

PAGE_LINES = 56
"""How many lines in small print, notes included, a float has at most."""

LINE_CHARACTERS = 130
"""About how many characters in small print a line across a page has."""

_NATURAL_OR_LINE_WIDTH = r"\ifdim\width>\linewidth\linewidth\else\width\fi"

_MARKS = {EQUIVALENT: "$^\\approx$", TIED: "$^?$", UNTESTED: "$^\\ddagger$"}


def latex(table: Table, task: TaskRecord | None = None) -> str:
    """The table as LaTeX floats; they need the packages booktabs and graphicx, and no other.

    What is wider than the text is scaled down; what is longer than a page is continued in further
    floats under the same number. The notes are below the last one. Caption and label name the
    task, if it is given: one document may have the same table of several tasks.
    """
    if task is not None and task.name:
        caption = f"{table.caption} Task: {task.label}."
        table = replace(table, name=f"{task.name}-{table.name}", caption=caption)
    pieces = list(_pieces(table))
    floats = [_float(table, rows, number, len(pieces)) for number, rows in enumerate(pieces)]
    return "\n".join(map("\n".join, floats)) + "\n"


def _float(table: Table, rows: list[Row], number: int, pieces: int) -> list[str]:
    """The lines of one float: some of the table's rows."""
    stubs, columns = len(table.label_headings), len(table.headings)
    wide = "*" if columns > 2 or table.widths else ""
    labels = "".join(f"p{{{width}\\linewidth}}" for width in table.widths) or "l" * stubs
    size = "\\scriptsize" if columns > 4 or pieces > 1 else "\\footnotesize"
    naming = [f"\\caption{{{latex_text(table.caption)}}}", f"\\label{{tab:{table.name}}}"]
    if number:
        continued = latex_text(f"{table.caption.removesuffix('.')} (continued).")
        naming = ["\\addtocounter{table}{-1}", f"\\caption[]{{{continued}}}"]
    open_box, close_box = f"\\resizebox{{{_NATURAL_OR_LINE_WIDTH}}}{{!}}{{%", "}"
    lines = [
        f"\\begin{{table{wide}}}",
        f"\\centering{size}\\setlength{{\\tabcolsep}}{{2pt}}",
        *naming,
        *([] if table.widths else [open_box]),
        f"\\begin{{tabular}}{{@{{}}{labels}{'r' * columns}@{{}}}}",
        "\\toprule",
        *(_ampersands(line) for line in _heading_lines(table)),
        *_body(table, rows),
        "\\bottomrule",
        f"\\end{{tabular}}{'' if table.widths else close_box}",
    ]
    notes = _notes(table) if number == pieces - 1 else []
    lines += [f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\scriptsize {note}}}" for note in notes]
    return [*lines, f"\\end{{table{wide}}}"]


def _body(table: Table, rows: list[Row]) -> Iterator[str]:
    columns = len(table.all_headings)
    group: str | None = None
    for row in rows:
        if row.group != group:
            group = row.group
            yield "\\midrule"
            if group:
                yield f"\\multicolumn{{{columns}}}{{l}}{{\\emph{{{latex_text(group)}}}}} \\\\"
        cells = [_cell(cell, table.footnotes) for cell in row.cells]
        yield _ampersands([*map(latex_text, row.labels), *cells])


def _pieces(table: Table) -> Iterator[list[Row]]:
    """The rows of each float: whole groups where these are shorter than a page."""
    most = PAGE_LINES - sum(math.ceil(len(note) / LINE_CHARACTERS) for note in _notes(table))
    piece: list[Row] = []
    for rows in table.groups.values():
        if piece and _height(table, [*piece, *rows]) > most:
            yield piece
            piece = []
        for row in rows:
            if piece and _height(table, [*piece, row]) > most:
                yield piece
                piece = []
            piece.append(row)
    yield piece


def _height(table: Table, rows: list[Row]) -> int:
    """About how many lines these rows have, with the lines that name their groups."""
    return len({row.group for row in rows}) + sum(_lines_of(table, row) for row in rows)


def _lines_of(table: Table, row: Row) -> int:
    """About how many lines a row has: several where labels are sentences."""
    texts = zip(row.labels, table.widths, strict=False)
    lines = [math.ceil(len(text) / (width * LINE_CHARACTERS)) for text, width in texts]
    return max([1, *lines])


def _notes(table: Table) -> list[str]:
    return [one_line(line, partial(_note, table)) for line in table.notes]


def _heading_lines(table: Table) -> Iterator[list[str]]:
    split = [[latex_text(line) for line in heading.split("\n")] for heading in table.all_headings]
    for number in range(max(map(len, split))):
        yield [lines[number] if number < len(lines) else "" for lines in split]


def _cell(cell: Cell, footnotes: dict[str, str]) -> str:
    value, spread = cell.texts
    if math.isnan(cell.value):
        text = latex_text(value)
    else:
        number = value.replace("−", "-").replace("∞", "\\infty")
        number = f"\\mathbf{{{number}}}" if cell.verdict == BEST else number
        # Without its leading zero, eight columns fit on a page.
        text = f"${number}_{{\\pm {spread.removeprefix('0')}}}$" if spread else f"${number}$"
    text += _MARKS.get(cell.verdict, "")
    text += "$^\\dagger$" if cell.status == ILL_DEFINED else ""
    return text + (f"$^{{{footnotes[cell.footnote]}}}$" if cell.footnote else "")


def _note(table: Table, mark: str, text: str) -> str:
    if not mark:
        return latex_text(text)
    if mark in table.footnotes.values():
        return f"$^{{{mark}}}$ {latex_text(text)}"
    return f"{latex_text(mark)} {latex_text(text)}"


def _ampersands(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
