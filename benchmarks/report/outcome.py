"""What the terminal shows at the end of a run: the main numbers, the files, what was left out."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as TerminalTable

from benchmarks.io import path_of, terminal_text
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import OVERVIEW
from benchmarks.report.tables.pivot import table_of
from benchmarks.report.tables.table import Table
from benchmarks.report.texts import training_images_remark
from benchmarks.vocabulary import (
    ANSWER_JSON,
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    IMAGES_NPZ,
    INDEX_HTML,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    PUBLISHED_JSON,
    PUBLISHED_MD,
    RUN_JSON,
    SCORE_LATENCY_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
    WORTH_CSV,
)

DOWNLOADS = {
    SUMMARY_CSV: "means over replicates, with intervals",
    MEASUREMENTS_CSV: "every number of every replicate",
    COMPARISONS_CSV: "paired differences between methods",
    WORTH_CSV: "how many networks each method is worth",
    LATENCY_CSV: "latency and memory of each method",
    SCORE_LATENCY_CSV: "latency and memory of each score of logits or features",
    TRAINING_CSV: "training log of each network",
    NOUNS_JSON: "the fields of methods, conditions, metrics and so on",
    CLAIMS_JSON: "the article's claims and their verdicts",
    CLAIMS_CSV: "the numbers that they are judged by",
    CLAIMS_MD: "claims, verdicts and numbers as text",
    PUBLISHED_JSON: "other papers' numbers beside ours, and whether they agree",
    PUBLISHED_MD: "the same as text",
    IMAGES_NPZ: "the images shown",
    RUN_JSON: "configuration, command, versions, fingerprints, wall time",
    f"{TABLES_FOLDER}/": "each table as Markdown and CSV",
    f"{FIGURES_FOLDER}/": "each figure as PNG and SVG, and its numbers as CSV",
    f"{CURVES_FOLDER}/": "further data of the figures",
    f"{CLAIMS_FOLDER}/": "data of the claims' figures",
}
"""The files and folders of a run, and what is in them."""


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
