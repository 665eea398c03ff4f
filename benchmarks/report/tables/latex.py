"""A table as LaTeX: one float with a plain tabular."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import zip_longest

from benchmarks.escaping import latex_text
from benchmarks.nouns import TaskRecord
from benchmarks.report.tables.table import (
    BEST,
    EQUIVALENT,
    TIED,
    UNTESTED,
    Cell,
    Table,
    one_line,
)
from benchmarks.vocabulary import ILL_DEFINED

_MARKS = {EQUIVALENT: "$^\\approx$", TIED: "$^?$", UNTESTED: "$^\\ddagger$"}


def latex(table: Table, task: TaskRecord | None = None) -> str:
    """The table as a LaTeX float, for which the package booktabs is needed.

    Caption and label name the task, if it is given: one document may have the same table of
    several tasks.
    """
    caption, label = table.caption, table.name
    if task is not None and task.name:
        caption, label = f"{caption} Task: {task.label}.", f"{task.name}-{label}"
    stubs = "".join(f"p{{{width}\\linewidth}}" for width in table.widths)
    stubs = stubs or "l" * len(table.label_headings)
    headings = [heading.split("\n") for heading in table.all_headings]
    lines = [
        "\\begin{table}",
        "\\centering\\footnotesize",
        f"\\caption{{{latex_text(caption)}}}",
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{@{{}}{stubs}{'r' * len(table.headings)}@{{}}}}",
        "\\toprule",
        *(_row(map(latex_text, line)) for line in zip_longest(*headings, fillvalue="")),
        *_body(table),
        "\\bottomrule",
        "\\end{tabular}",
        *(f"\\par {one_line(line, partial(_note, table))}" for line in table.notes),
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _body(table: Table) -> Iterator[str]:
    for group, rows in table.groups.items():
        yield "\\midrule"
        if group:
            width = len(table.all_headings)
            yield f"\\multicolumn{{{width}}}{{l}}{{\\emph{{{latex_text(group)}}}}} \\\\"
        for row in rows:
            cells = (_cell(cell, table.footnotes) for cell in row.cells)
            yield _row([*map(latex_text, row.labels), *cells])


def _row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(cell: Cell, footnotes: dict[str, str]) -> str:
    value, spread = cell.texts
    if math.isnan(cell.value):
        text = latex_text(value)
    else:
        number = value.replace("−", "-").replace("∞", "\\infty")
        number = f"\\mathbf{{{number}}}" if cell.verdict == BEST else number
        text = f"${number} \\pm {spread}$" if spread else f"${number}$"
    text += _MARKS.get(cell.verdict, "")
    text += "$^\\dagger$" if cell.status == ILL_DEFINED else ""
    return text + (f"$^{{{footnotes[cell.footnote]}}}$" if cell.footnote else "")


def _note(table: Table, mark: str, text: str) -> str:
    sign = f"$^{{{mark}}}$" if mark in table.footnotes.values() else latex_text(mark)
    return f"{sign} {latex_text(text)}".lstrip()
