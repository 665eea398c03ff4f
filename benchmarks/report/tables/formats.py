"""A table as files: Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.escaping import markdown_text
from benchmarks.files import written_whole
from benchmarks.nouns import TaskRecord
from benchmarks.report.tables.latex import latex
from benchmarks.report.tables.table import BEST, ILL_DEFINED_MARK, MARKS, Cell, Table, one_line
from benchmarks.schema import write_table
from benchmarks.vocabulary import ILL_DEFINED, TABLES_FOLDER


def write_tables(tables: Iterable[Table], folder: Path, task: TaskRecord | None = None) -> None:
    """Write tables of the run in a folder as Markdown, LaTeX and CSV.

    Those of LaTeX name the task, if it is given.
    """
    for table in tables:
        name = f"{TABLES_FOLDER}/{table.name}"
        for suffix, text in (("md", markdown(table)), ("tex", latex(table, task))):
            with written_whole(folder / f"{name}.{suffix}") as temporary:
                temporary.write_text(text, encoding="utf-8")
        write_table(as_frame(table), folder, f"{name}.csv")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with its caption above and its notes below."""
    stubs, columns = len(table.label_headings), len(table.headings)
    lines = [
        f"**{markdown_text(table.caption)}**",
        "",
        _pipes(["<br>".join(map(markdown_text, h.split("\n"))) for h in table.all_headings]),
        _pipes(["---"] * stubs + ["---:"] * columns),
    ]
    for group, rows in table.groups.items():
        if group:
            lines.append(_pipes([f"**{markdown_text(group)}**", *[""] * (stubs + columns - 1)]))
        for row in rows:
            cells = [_markdown_cell(cell, table.footnotes) for cell in row.cells]
            lines.append(_pipes([*map(markdown_text, row.labels), *cells]))
    for line in table.notes:
        lines += ["", one_line(line, partial(_markdown_note, table))]
    return "\n".join(lines) + "\n"


def as_frame(table: Table) -> pd.DataFrame:
    """The table for a CSV; half-widths and verdicts have columns of their own."""
    grouped = any(row.group for row in table.rows)
    headings = [heading.replace("\n", " ") for heading in table.headings]
    columns = [
        *([table.group_heading] if grouped else []),
        *table.label_headings,
        *(f"{heading}{part}" for heading in headings for part in ("", " ±", " verdict")),
        "notes",
    ]
    # Not by column: a set of images may be called as another column is.
    rows = [
        [*([row.group] if grouped else []), *row.labels, *_numbers(row.cells), _reasons(row.cells)]
        for row in table.rows
    ]
    return pd.DataFrame(rows, columns=columns)


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


def _markdown_cell(cell: Cell, footnotes: dict[str, str]) -> str:
    value, spread = cell.texts
    value = markdown_text(value) if cell.text else value
    text = f"{value} ± {spread}" if spread else value
    text = f"**{text}**" if cell.verdict == BEST else text
    text += f" {MARKS[cell.verdict]}" if cell.verdict in MARKS else ""
    text += f" {ILL_DEFINED_MARK}" if cell.status == ILL_DEFINED else ""
    return text + (f" <sup>{footnotes[cell.footnote]}</sup>" if cell.footnote else "")


def _markdown_note(table: Table, mark: str, text: str) -> str:
    sign = f"<sup>{mark}</sup>" if mark in table.footnotes.values() else mark
    return f"{sign} {markdown_text(text)}".lstrip()


def _pipes(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
