"""A table as text: Markdown and CSV in the folder of a run, LaTeX and a terminal on demand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.io import latex_text, markdown_text, printable, written_whole
from benchmarks.report.tables.table import BEST, ILL_DEFINED_MARK, MARKS, Cell, Table, one_line
from benchmarks.schema import write_table
from benchmarks.vocabulary import ILL_DEFINED, TABLES_FOLDER


def write_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write tables of the run in a folder as Markdown and CSV."""
    for table in tables:
        name = f"{TABLES_FOLDER}/{table.name}"
        with written_whole(folder / f"{name}.md") as temporary:
            temporary.write_text(markdown(table), encoding="utf-8")
        write_table(as_frame(table), folder, f"{name}.csv")


class Markup(NamedTuple):
    """How a format writes text as it is, bold text, and the letter of a footnote."""

    escaped: Callable[[str], str]
    bold: Callable[[str], str]
    raised: Callable[[str], str]

    def cell(self, cell: Cell, table: Table) -> str:
        """A cell with its half-width, marks and footnote."""
        text = self.escaped(" ± ".join(filter(None, cell.texts)))
        text = self.bold(text) if cell.verdict == BEST else text
        marks = (MARKS.get(cell.verdict), ILL_DEFINED_MARK if cell.status == ILL_DEFINED else "")
        letter = self.raised(table.footnotes[cell.footnote]) if cell.footnote else ""
        return " ".join(filter(None, (text, *map(self.escaped, filter(None, marks)), letter)))

    def notes(self, table: Table) -> Iterator[str]:
        """The lines below a table."""
        for line in table.notes:
            yield one_line(line, partial(self._note, table))

    def _note(self, table: Table, mark: str, text: str) -> str:
        is_letter = mark in table.footnotes.values()
        sign = self.raised(mark) if is_letter else self.escaped(mark)
        return f"{sign} {self.escaped(text)}".lstrip()


MARKDOWN = Markup(markdown_text, "**{}**".format, "<sup>{}</sup>".format)
LATEX = Markup(latex_text, "\\textbf{{{}}}".format, "\\textsuperscript{{{}}}".format)
PLAIN = Markup(printable, "**{}**".format, str)


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with its caption above and its notes below."""
    headings = (*table.label_headings, *table.headings)
    lines = [
        f"**{markdown_text(table.caption)}**",
        "",
        _pipes("<br>".join(map(markdown_text, heading.split("\n"))) for heading in headings),
        _pipes(["---"] * len(table.label_headings) + ["---:"] * len(table.headings)),
    ]
    for block, rows in table.groups.items():
        if block:
            lines.append(_pipes([f"**{markdown_text(block)}**", *[""] * (len(headings) - 1)]))
        for row in rows:
            cells = (MARKDOWN.cell(cell, table) for cell in row.cells)
            lines.append(_pipes([*map(markdown_text, row.labels), *cells]))
    for note in MARKDOWN.notes(table):
        lines += ["", note]
    return "\n".join(lines) + "\n"


def as_frame(table: Table) -> pd.DataFrame:
    """The table for a CSV; half-widths and verdicts have columns of their own."""
    headings, names = table.named
    columns = [
        *headings,
        *(f"{one}{part}" for one in map(_in_one_line, table.headings) for part in CSV_PARTS),
        "notes",
    ]
    # Not by column: a set of images may be called as another column is.
    rows = [
        [*name, *_numbers(row.cells), _reasons(row.cells)]
        for name, row in zip(names, table.rows, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


CSV_PARTS = "", " ±", " verdict"


def latex(table: Table) -> str:
    """The table as a LaTeX float, for which the package booktabs is needed."""
    headings, names = table.named
    if headings[0] == "Recipe" and len({row.recipe for row in table.rows}) == 1:
        headings, names = headings[1:], [name[1:] for name in names]
    pairs = [tuple(map(latex_text, f"{heading}\n".split("\n")[:2])) for heading in table.headings]
    rows = [
        [*map(latex_text, name), *(LATEX.cell(cell, table) for cell in row.cells)]
        for name, row in zip(names, table.rows, strict=True)
    ]
    columns = pd.MultiIndex.from_tuples([*((latex_text(one), "") for one in headings), *pairs])
    widths = [f"p{{{width}\\linewidth}}" for width in table.widths]
    stubs = ["l"] * (len(headings) - len(widths)) + widths
    shown = pd.DataFrame(rows, columns=columns).style.hide(axis="index")
    text = shown.to_latex(
        column_format="".join((*stubs, "r" * len(table.headings))),
        position_float="centering",
        hrules=True,
        sparse_columns=False,
        caption=latex_text(table.caption),
        label=f"tab:{table.name}",
    )
    notes = "".join(f"\\par {note}\n" for note in LATEX.notes(table))
    text = text.replace("\\centering", "\\centering\\footnotesize")
    return text.replace("\\end{table}", f"{notes}\\end{{table}}")


def terminal(table: Table, width: int) -> str:
    """The table with caption and notes, transposed: measures are many, and columns few."""
    parts = [printable(table.caption)]
    for group, rows in table.groups.items():
        shown = pd.DataFrame(
            zip(*([PLAIN.cell(cell, table) for cell in row.cells] for row in rows), strict=True),
            index=[_in_one_line(heading) for heading in table.headings],
            columns=[printable(", ".join(row.labels)) for row in rows],
        )
        parts.append(f"{printable(group)}\n{shown.to_string(line_width=width)}".lstrip())
    return "\n\n".join((*parts, *PLAIN.notes(table)))


def _numbers(cells: Iterable[Cell]) -> Iterator[str]:
    """Value, half-width and verdict of each cell."""
    for cell in cells:
        value, spread = cell.texts
        is_shown = cell.text or not math.isnan(cell.value)
        yield value.replace("−", "-") if is_shown else cell.status
        yield spread
        yield cell.verdict


def _reasons(cells: Iterable[Cell]) -> str:
    return "; ".join(dict.fromkeys(cell.reason for cell in cells if cell.reason))


def _in_one_line(heading: str) -> str:
    return heading.replace("\n", " ")


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
