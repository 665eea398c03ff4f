"""What the terminal shows at the end of a run: the main numbers, the files, what was left out."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as TerminalTable

from benchmarks.io import path_of, terminal_text
from benchmarks.report.provenance import DOWNLOADS
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import OVERVIEW
from benchmarks.report.tables.pivot import table_of
from benchmarks.report.tables.remarks import training_images_remark
from benchmarks.report.tables.table import Table
from benchmarks.vocabulary import (
    ANSWER_JSON,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    SUMMARY_CSV,
    TABLES_FOLDER,
)


def show_outcome(out: Path) -> None:
    """Print the main numbers of `summary.csv`, if there is one, and name the files, the page first.

    Conditions that were left out, because their data are not available, are named in one more line.
    """
    left_out: tuple[str, ...] = ()
    if path_of(out, SUMMARY_CSV).exists():
        results = Results.load(out)
        left_out = results.left_out
        if overview := table_of(OVERVIEW, results):
            Console().print(_judged(overview))
        trained_on = results.names.training_images(results.recipes)
        if remark := training_images_remark(trained_on):
            print(remark)
    for path in sorted(out.glob("[!.]*.*"), key=lambda path: (path.name != INDEX_HTML, path)):
        if path.name in (INDEX_HTML, ANSWER_JSON, *DOWNLOADS):
            print(f"wrote {path}")
    for path in (out / CURVES_FOLDER, out / TABLES_FOLDER, out / FIGURES_FOLDER):
        if path.is_dir():
            print(f"wrote {path}/ ({sum(1 for _ in path.iterdir())} files)")
    if left_out:
        print(f"left out, because their data are not available: {', '.join(left_out)}")


def _judged(table: Table) -> TerminalTable:
    """The values of the columns of which one value is better, without intervals: they fit."""
    shown = TerminalTable(
        title="Means over replicates",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for name in ("recipe", "method"):
        shown.add_column(name, no_wrap=True)
    judged = [column for column, text in enumerate(table.headings) if {"↑", "↓"} & {*text}]
    for column in judged:
        metric, _, images = table.headings[column].partition("\n")
        label = images.replace(" ", "\n").replace("-", "-\n")
        shown.add_column(terminal_text(f"{metric}\n{label}"), justify="right")
    for row in table.rows:
        values = (row.cells[column].texts[0] for column in judged)
        shown.add_row(row.recipe, *map(terminal_text, (*row.labels, *values)))
    return shown
