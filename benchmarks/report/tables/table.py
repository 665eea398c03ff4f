"""A table before it is written, and its formats: Markdown, CSV, LaTeX and text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

import pandas as pd

from benchmarks.io import latex_text, markdown_text, printable, write_whole
from benchmarks.report.number_format import UNDEFINED, rounded
from benchmarks.schema import write_table
from benchmarks.vocabulary import ILL_DEFINED, TABLES_FOLDER, WITH_VALUE

NO_VALUE = "n/a"
ILL_DEFINED_MARK, WORSE_THAN_GUESSING_MARK = "†", "§"

MARKS = {True: "▲", False: "▾"}
"""What stands behind a cell by whether it is better than one network, or worse."""

BOLD = "in the set that contains the best of its budget with 95 % confidence"
"""What bold means."""

AGAINST_ONE = {
    True: "better than one network of its budget (95 %, simultaneous)",
    False: "worse than one network of its budget (95 %, simultaneous)",
}
"""What the marks mean."""


class Cell(NamedTuple):
    """The value of one method, condition and measure.

    Attributes:
        value: NaN where there is none.
        half_width: half of the interval's width; NaN where there is none.
        status, reason: as in `benchmarks.schema.Measurement`.
        is_best: whether it is bold; see `BOLD`.
        better: whether it is better than one network, or worse; ``None``: neither is shown.
        guessing: what equal probabilities score, such as ``NLL 2.303``, where the whole interval is
            worse; else empty.
        text: what is shown instead of a value, where it is no plain number.
    """

    value: float = math.nan
    half_width: float = math.nan
    status: str = "undefined"
    reason: str = ""
    is_best: bool = False
    better: bool | None = None
    guessing: str = ""
    text: str = ""

    @property
    def texts(self) -> tuple[str, str]:
        """The value, or what stands for it, and the half-width; the latter may be empty."""
        if self.text:
            return self.text, ""
        if not math.isnan(self.value):
            return rounded(self.value, self.half_width)
        return (UNDEFINED if self.status == "undefined" else NO_VALUE), ""

    @property
    def mark(self) -> str:
        """The sign of better or worse; empty where neither is shown."""
        return "" if self.better is None else MARKS[self.better]

    @property
    def footnote(self) -> str:
        """What the reader must know of this very cell, or nothing."""
        if self.status in ("undefined", ILL_DEFINED):
            return ""
        if self.status in WITH_VALUE:
            return self.reason
        return f"{self.status}: {self.reason}" if self.reason else self.status


class Row(NamedTuple):
    """A line of a table: its group, its labels, a cell a column, and the name of its budget.

    Group and budget are empty where the table has none, or one.
    """

    group: str
    labels: tuple[str, ...]
    cells: tuple[Cell, ...] = ()
    block: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table before it is printed.

    Attributes:
        name: of its files.
        caption: what it shows.
        group_heading: what the groups of rows are, where there are any.
        label_headings: over the columns that name the row.
        headings: over the columns of cells.
        rows: those of a group one after the other.
        remarks: the notes below that do not depend on the cells.
    """

    name: str
    caption: str = ""
    group_heading: str = ""
    label_headings: tuple[str, ...]
    headings: tuple[str, ...] = ()
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """The rows of each budget and group, in order, by what these are called together."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(": ".join(filter(None, (row.block, row.group))), []).append(row)
        return groups

    @property
    def named(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """What names each row, with the headings above it: budget, group and labels."""
        block, group = any(row.block for row in self.rows), any(row.group for row in self.rows)
        headings = ("Training",) * block + (self.group_heading,) * group + self.label_headings
        rows = [(row.block,) * block + (row.group,) * group + row.labels for row in self.rows]
        return headings, rows

    @cached_property
    def footnotes(self) -> dict[str, str]:
        """The letter of each footnote, in the order in which the cells need them."""
        texts = dict.fromkeys(cell.footnote for row in self.rows for cell in row.cells)
        pairs = map("".join, product(ascii_lowercase, repeat=2))
        return dict(zip(filter(None, texts), chain(ascii_lowercase, pairs), strict=False))

    def notes(
        self, escaped: Callable[[str], str] = str, raised: Callable[[str], str] = str
    ) -> Iterator[str]:
        """The lines below the table, at most three: remarks, signs, and footnotes.

        Args:
            escaped: writes text as it is in some format; ``raised``: the letter of a footnote.
        """
        cells = [cell for row in self.rows for cell in row.cells]
        against_one = {cell.better for cell in cells}
        signs = {
            "Bold:": BOLD if any(cell.is_best for cell in cells) else "",
            **{mark: AGAINST_ONE[how] for how, mark in MARKS.items() if how in against_one},
            UNDEFINED: _undefined("undefined", cells),
            ILL_DEFINED_MARK: _undefined(ILL_DEFINED, cells),
            WORSE_THAN_GUESSING_MARK: _worse_than_guessing(cells),
        }
        if self.remarks:
            yield " ".join(map(escaped, self.remarks))
        if meanings := [escaped(f"{mark} {text}") for mark, text in signs.items() if text]:
            yield f"{'; '.join(meanings)}."
        letters = self.footnotes.items()
        if footnotes := [f"{raised(letter)} {escaped(text)}" for text, letter in letters]:
            yield f"{'; '.join(footnotes)}."


def _undefined(status: str, cells: list[Cell]) -> str:
    """What such a value lacks, without what its interval lacks; empty where no cell says so."""
    reasons = dict.fromkeys(cell.reason for cell in cells if cell.status == status and cell.reason)
    lacking = dict.fromkeys(reason.split("; ")[0] for reason in reasons)
    return f"{status}: {', or '.join(lacking)}" if lacking else ""


def _worse_than_guessing(cells: list[Cell]) -> str:
    """What guessing scores by each metric by which a cell is worse; empty where none is."""
    levels = ", ".join(dict.fromkeys(cell.guessing for cell in cells if cell.guessing))
    return f"worse than guessing (equal probabilities: {levels})" if levels else ""


def write_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write tables of the run in a folder as Markdown and CSV."""
    for table in tables:
        name = f"{TABLES_FOLDER}/{table.name}"
        write_whole(folder / f"{name}.md", markdown(table))
        write_table(as_frame(table), folder, f"{name}.csv")


class Markup(NamedTuple):
    """How a format writes text as it is, bold text, and the letter of a footnote."""

    escaped: Callable[[str], str]
    bold: Callable[[str], str]
    raised: Callable[[str], str]

    def cells(self, row: Row, table: Table) -> Iterator[str]:
        """The cells of a row with their half-widths, marks and footnotes."""
        for cell in row.cells:
            text = self.escaped(" ± ".join(filter(None, cell.texts)))
            marks = (
                cell.mark,
                ILL_DEFINED_MARK if cell.status == ILL_DEFINED else "",
                WORSE_THAN_GUESSING_MARK if cell.guessing else "",
            )
            parts = (
                self.bold(text) if cell.is_best else text,
                *map(self.escaped, marks),
                self.raised(table.footnotes[cell.footnote]) if cell.footnote else "",
            )
            yield " ".join(filter(None, parts))


MARKDOWN = Markup(markdown_text, "**{}**".format, "<sup>{}</sup>".format)
LATEX = Markup(latex_text, "\\textbf{{{}}}".format, "\\textsuperscript{{{}}}".format)
PLAIN = Markup(printable, "**{}**".format, str)


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with its caption above and its notes below."""
    headings = (*table.label_headings, *table.headings)
    lines = [f"**{markdown_text(table.caption)}**", ""] if table.caption else []
    lines += [
        _pipes("<br>".join(map(markdown_text, heading.split("\n"))) for heading in headings),
        _pipes(["---"] * len(table.label_headings) + ["---:"] * len(table.headings)),
    ]
    for block, rows in table.groups.items():
        if block:
            lines.append(_pipes([f"**{markdown_text(block)}**", *[""] * (len(headings) - 1)]))
        for row in rows:
            lines.append(_pipes([*map(markdown_text, row.labels), *MARKDOWN.cells(row, table)]))
    for note in table.notes(MARKDOWN.escaped, MARKDOWN.raised):
        lines += ["", note]
    return "\n".join(lines) + "\n"


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_frame(table: Table) -> pd.DataFrame:
    """The table for a CSV; half-widths and verdicts have columns of their own."""
    headings, names = table.named
    parts = "", " ±", " verdict"
    columns = [f"{_in_one_line(heading)}{part}" for heading in table.headings for part in parts]
    # Not by column: a set of images may be called as another column is.
    rows = [
        [*name, *chain(*map(_csv_parts, row.cells)), _reasons(row.cells)]
        for name, row in zip(names, table.rows, strict=True)
    ]
    return pd.DataFrame(rows, columns=[*headings, *columns, "notes"])


def _csv_parts(cell: Cell) -> tuple[str, str, str]:
    """Value, half-width and verdict of a cell."""
    value, spread = cell.texts
    is_shown = cell.text or not math.isnan(cell.value)
    against_one = "" if cell.better is None else "better" if cell.better else "worse"
    return (
        value.replace("−", "-") if is_shown else cell.status,
        spread,
        ", ".join(filter(None, ("best" if cell.is_best else "", against_one))),
    )


def _reasons(cells: Iterable[Cell]) -> str:
    texts = chain(*((cell.reason, _worse_than_guessing([cell])) for cell in cells))
    return "; ".join(dict.fromkeys(filter(None, texts)))


def _in_one_line(heading: str) -> str:
    return heading.replace("\n", " ")


UPRIGHT = 4
"""Columns of values with intervals that an upright page holds beside the names of methods."""


def latex(table: Table) -> str:
    """The table as a LaTeX float, for which the package booktabs is needed.

    What is wider than a page lies on its side, for which rotating is needed.
    """
    above, names = table.named
    halves = [heading.partition("\n") for heading in (*above, *table.headings)]
    shown = pd.DataFrame(
        [*map(latex_text, name), *LATEX.cells(row, table)]
        for name, row in zip(names, table.rows, strict=True)
    )
    shown.columns = pd.MultiIndex.from_tuples(
        (latex_text(first), latex_text(_in_one_line(rest))) for first, _, rest in halves
    )
    float_name = "sidewaystable" if len(table.headings) > UPRIGHT else "table"
    text = shown.style.hide(axis="index").to_latex(
        environment=float_name,
        column_format="l" * len(above) + "r" * len(table.headings),
        position_float="centering",
        hrules=True,
        sparse_columns=False,
        caption=latex_text(table.caption),
        label=f"tab:{table.name}",
    )
    notes = "".join(f"\\par {note}\n" for note in table.notes(LATEX.escaped, LATEX.raised))
    style = "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}"
    end = f"\\end{{{float_name}}}"
    return text.replace("\\centering", style).replace(end, f"{notes}{end}")


def terminal(table: Table, width: int) -> str:
    """The table with caption and notes, transposed: measures are many, and columns few."""
    parts = [printable(table.caption)]
    for group, rows in table.groups.items():
        shown = pd.DataFrame(
            zip(*(PLAIN.cells(row, table) for row in rows), strict=True),
            index=[_in_one_line(heading) for heading in table.headings],
            columns=[printable(", ".join(row.labels)) for row in rows],
        )
        parts.append(f"{printable(group)}\n{shown.to_string(line_width=width)}".lstrip("\n"))
    return "\n\n".join((*parts, *table.notes(PLAIN.escaped, PLAIN.raised)))
