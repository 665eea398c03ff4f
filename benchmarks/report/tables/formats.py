"""A table as files: Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.files import written_whole
from benchmarks.records import write_table
from benchmarks.report.tables.table import (
    BEST,
    ILL_DEFINED_MARK,
    MARKS,
    TIED,
    UNTESTED,
    Cell,
    Table,
)
from benchmarks.stored.listing import list_files
from benchmarks.vocabulary import ILL_DEFINED, TABLES_FOLDER

SUFFIXES = ("csv", "md", "tex")
"""Of the files of a table."""


def write_table_files(table: Table, folder: Path) -> None:
    """Write a table as Markdown, LaTeX and CSV."""
    for suffix, text in (("md", markdown(table)), ("tex", latex(table))):
        with written_whole(folder / f"{table.name}.{suffix}") as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_table(as_frame(table), folder / f"{table.name}.csv")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with its caption above and its notes below."""
    stubs, columns = len(table.label_headings), len(table.headings)
    lines = [
        f"**{_markdown(table.caption)}**",
        "",
        _pipes([heading.replace("\n", "<br>") for heading in table.all_headings]),
        _pipes(["---"] * stubs + ["---:"] * columns),
    ]
    for group, rows in table.groups.items():
        if group:
            lines.append(_pipes([f"**{_markdown(group)}**", *[""] * (stubs + columns - 1)]))
        for row in rows:
            cells = [_markdown_cell(cell, table.footnotes) for cell in row.cells]
            lines.append(_pipes([*map(_markdown, row.labels), *cells]))
    for mark, text in table.notes:
        sign = f"<sup>{mark}</sup> " if mark in table.footnotes.values() else f"{mark} ".lstrip()
        lines += ["", f"{sign}{_markdown(text)}"]
    return "\n".join(lines) + "\n"


def latex(table: Table) -> str:
    """The table as a LaTeX float; it needs the package booktabs, and no other."""
    stubs, columns = len(table.label_headings), len(table.headings)
    wide = "*" if columns > 2 else ""
    size = "\\scriptsize" if columns > 4 else "\\footnotesize"
    lines = [
        f"\\begin{{table{wide}}}",
        f"\\centering{size}\\setlength{{\\tabcolsep}}{{2pt}}",
        f"\\caption{{{latex_text(table.caption)}}}",
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{@{{}}{'l' * stubs}{'r' * columns}@{{}}}}",
        "\\toprule",
        *(_ampersands(line) for line in _heading_lines(table)),
    ]
    for group, rows in table.groups.items():
        lines.append("\\midrule")
        if group:
            lines.append(
                f"\\multicolumn{{{stubs + columns}}}{{l}}{{\\emph{{{latex_text(group)}}}}} \\\\"
            )
        for row in rows:
            cells = [_latex_cell(cell, table.footnotes) for cell in row.cells]
            lines.append(_ampersands([*map(latex_text, row.labels), *cells]))
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [
        f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\scriptsize {_latex_note(*note, table)}}}"
        for note in table.notes
    ]
    return "\n".join([*lines, f"\\end{{table{wide}}}"]) + "\n"


def as_frame(table: Table) -> pd.DataFrame:
    """The table for a CSV; half-widths and verdicts have columns of their own."""
    rows = []
    for row in table.rows:
        line = {table.group_heading: row.group} if row.group else {}
        line |= dict(zip(table.label_headings, row.labels, strict=True))
        headings = [heading.replace("\n", " ") for heading in table.headings]
        for heading, cell in zip(headings, row.cells, strict=True):
            value, spread = cell.texts
            line[heading] = cell.status if math.isnan(cell.value) else value.replace("−", "-")
            line[f"{heading} ±"] = spread
            line[f"{heading} verdict"] = cell.verdict
        line["notes"] = "; ".join(dict.fromkeys(cell.reason for cell in row.cells if cell.reason))
        rows.append(line)
    return pd.DataFrame(rows)


def latex_text(text: str) -> str:
    """The text with everything escaped that LaTeX would take for a command.

    >>> print(latex_text("my_method: 5 % ↓, −1°"))
    my\\_method: 5 \\% $\\downarrow$, $-$1$^\\circ$
    """
    return "".join(_LATEX.get(character, character) for character in text)


_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "°": "$^\\circ$",
    "±": "$\\pm$",
    "≈": "$\\approx$",
    "≥": "$\\geq$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "∞": "$\\infty$",
    "↑": "$\\uparrow$",
    "↓": "$\\downarrow$",
    "†": "$\\dagger$",
    "‡": "$\\ddagger$",
    "×": "$\\times$",
    "’": "'",
}

_LATEX_MARKS = {TIED: "$^\\approx$", UNTESTED: "$^\\ddagger$"}


def _heading_lines(table: Table) -> Iterator[list[str]]:
    split = [[latex_text(line) for line in heading.split("\n")] for heading in table.all_headings]
    for number in range(max(map(len, split))):
        yield [lines[number] if number < len(lines) else "" for lines in split]


def _markdown_cell(cell: Cell, footnotes: dict[str, str]) -> str:
    value, spread = cell.texts
    text = f"{value} ± {spread}" if spread else value
    text = f"**{text}**" if cell.verdict == BEST else text
    text += f" {MARKS[cell.verdict]}" if cell.verdict in MARKS else ""
    text += f" {ILL_DEFINED_MARK}" if cell.status == ILL_DEFINED else ""
    return text + (f" <sup>{footnotes[cell.footnote]}</sup>" if cell.footnote else "")


def _latex_cell(cell: Cell, footnotes: dict[str, str]) -> str:
    value, spread = cell.texts
    if math.isnan(cell.value):
        text = latex_text(value)
    else:
        number = value.replace("−", "-").replace("∞", "\\infty")
        number = f"\\mathbf{{{number}}}" if cell.verdict == BEST else number
        # Without its leading zero, eight columns fit on a page.
        text = f"${number}_{{\\pm {spread.removeprefix('0')}}}$" if spread else f"${number}$"
    text += _LATEX_MARKS.get(cell.verdict, "")
    text += "$^\\dagger$" if cell.status == ILL_DEFINED else ""
    return text + (f"$^{{{footnotes[cell.footnote]}}}$" if cell.footnote else "")


def _latex_note(mark: str, text: str, table: Table) -> str:
    if not mark:
        return latex_text(text)
    if mark in table.footnotes.values():
        return f"$^{{{mark}}}$ {latex_text(text)}"
    return f"{latex_text(mark)} {latex_text(text)}"


def _markdown(text: str) -> str:
    for character, escaped in (("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
        text = text.replace(character, escaped)
    return text


def _pipes(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def write_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write tables of the run in a folder, where its record lists their files first."""
    some = list(tables)
    list_files(folder, table_files(some))
    for table in some:
        write_table_files(table, folder / TABLES_FOLDER)


def table_files(tables: Iterable[Table]) -> list[str]:
    """The paths of the tables' files in such a folder."""
    return [f"{TABLES_FOLDER}/{table.name}.{suffix}" for table in tables for suffix in SUFFIXES]
