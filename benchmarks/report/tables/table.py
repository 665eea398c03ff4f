"""A table before it is written: rows of cells, and the notes below them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product
from string import ascii_lowercase
from typing import NamedTuple

from benchmarks.report.number_format import UNDEFINED, rounded
from benchmarks.vocabulary import ILL_DEFINED, WITH_VALUE

NO_VALUE = "n/a"
ILL_DEFINED_MARK = "†"

BEST, EQUIVALENT, TIED, UNTESTED = "best", "equivalent", "tied", "untested"
"""The verdict of a cell's comparison; empty if it is distinguished from the best."""

MARKS = {EQUIVALENT: "≈", TIED: "?", UNTESTED: "‡"}
"""What stands behind a cell with this verdict."""

LEGEND = {
    BEST: "the best",
    EQUIVALENT: "equivalent to the best (p_equivalent < 0.05)",
    TIED: "not distinguished from the best (p_holm ≥ 0.05)",
    UNTESTED: "not tested against the best",
}

Note = tuple[str, str]
"""A mark (empty: none) and what it means."""


class Cell(NamedTuple):
    """The value of one method, condition and measure.

    Attributes:
        value: NaN where there is none.
        half_width: half of the interval's width; NaN where there is none.
        status, reason: as in `benchmarks.schema.Measurement`.
        verdict: `BEST`, `EQUIVALENT` to it, not distinguished from it (`TIED`), `UNTESTED` against
            it, or empty.
        text: what is shown instead of a value, where it is no plain number.
    """

    value: float = math.nan
    half_width: float = math.nan
    status: str = "undefined"
    reason: str = ""
    verdict: str = ""
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
    def footnote(self) -> str:
        """What the reader must know of this very cell, or nothing."""
        if self.status in ("undefined", ILL_DEFINED):
            return ""
        if self.status in WITH_VALUE:
            return self.reason
        return f"{self.status}: {self.reason}" if self.reason else self.status


class Row(NamedTuple):
    """A line of a table: its group (empty: none), its labels, and a cell a column.

    Attributes:
        recipe: of the networks; empty in a table that is of no recipes.
    """

    group: str
    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    recipe: str = ""


@dataclass(frozen=True)
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
        widths: of each label's column, in lines of a page, where labels are sentences.
    """

    name: str
    caption: str
    group_heading: str
    label_headings: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """The rows of each recipe and group, in order, by what these are called together."""
        blocks: dict[str, list[Row]] = {}
        several = len({row.recipe for row in self.rows}) > 1
        for row in self.rows:
            recipe = f"Recipe {row.recipe}" if several else ""
            blocks.setdefault(": ".join(filter(None, (recipe, row.group))), []).append(row)
        return blocks

    @property
    def named(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """What names each row, with the headings above it: recipe, group and labels."""
        recipe = any(row.recipe for row in self.rows)
        group = any(row.group for row in self.rows)
        headings = ("Recipe",) * recipe + (self.group_heading,) * group + self.label_headings
        rows = [(row.recipe,) * recipe + (row.group,) * group + row.labels for row in self.rows]
        return headings, rows

    @cached_property
    def footnotes(self) -> dict[str, str]:
        """The letter of each footnote, in the order in which the cells need them."""
        texts = dict.fromkeys(cell.footnote for row in self.rows for cell in row.cells)
        pairs = map("".join, product(ascii_lowercase, repeat=2))
        return dict(zip(filter(None, texts), chain(ascii_lowercase, pairs), strict=False))

    @property
    def notes(self) -> tuple[tuple[Note, ...], ...]:
        """The notes below the table in at most three lines: remarks, signs, and footnotes."""
        cells = [cell for row in self.rows for cell in row.cells]
        verdicts = {cell.verdict for cell in cells}
        signs = {
            "Bold:": LEGEND[BEST] if BEST in verdicts else "",
            **{mark: LEGEND[one] for one, mark in MARKS.items() if one in verdicts},
            UNDEFINED: _undefined("undefined", cells),
            ILL_DEFINED_MARK: _undefined(ILL_DEFINED, cells),
        }
        lines = (
            tuple(("", remark) for remark in self.remarks),
            tuple((mark, text) for mark, text in signs.items() if text),
            tuple((letter, text) for text, letter in self.footnotes.items()),
        )
        return tuple(line for line in lines if line)


def _plain(mark: str, text: str) -> str:
    return f"{mark} {text}".lstrip()


def one_line(line: tuple[Note, ...], printed: Callable[[str, str], str] = _plain) -> str:
    """A line of notes: remarks are sentences, what has a mark is a list.

    >>> one_line((("a", "not timed"), ("b", "too slow")))
    'a not timed; b too slow.'
    """
    texts = [printed(*note) for note in line]
    has_marks = bool(line[0][0])
    return f"{'; '.join(texts)}." if has_marks else " ".join(texts)


def _undefined(status: str, cells: list[Cell]) -> str:
    """What such a value lacks, without what its interval lacks; empty where no cell says so."""
    reasons = dict.fromkeys(cell.reason for cell in cells if cell.status == status and cell.reason)
    lacking = dict.fromkeys(reason.split("; ")[0] for reason in reasons)
    return f"{status}: {', or '.join(lacking)}" if lacking else ""
