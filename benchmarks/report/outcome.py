"""What the terminal shows at the end of a run: the answer, the best methods, what to open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as TerminalTable

from benchmarks.io import path_of, read_json, terminal_text
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import LEADERBOARD
from benchmarks.report.tables.pivot import table_of
from benchmarks.report.texts import preview
from benchmarks.vocabulary import ANSWER_JSON, INDEX_HTML, RUN_JSON, SUMMARY_CSV

BEST_ROWS = 6
"""Of the leaderboard."""


def show_outcome(out: Path) -> None:
    """Print the answer, the best methods, the time that it took, and what to open.

    Conditions that were left out, because their data are not available, are named in one more line.
    """
    if path_of(out, SUMMARY_CSV).exists():
        results = Results.load(out)
        said = read_json(out / ANSWER_JSON).get("short")
        if said and results.recipe:
            print(f"Is one network with dropout as good as many? {said}")
        show_best(results, BEST_ROWS)
        if left_out := ", ".join(results.left_out):
            print(f"left out, because their data are not available: {left_out}")
    record = read_json(out / RUN_JSON)
    configuration = record.get("configuration", {})
    if configuration.get("epochs") and (little := preview(configuration)):
        print(f"Preview: {little}.")
    if seconds := sum(record.get("seconds", {}).values()):
        print(f"took {timedelta(seconds=round(seconds))} in all, earlier runs included")
    page = out / INDEX_HTML
    print(f"open {page}" if page.exists() else f"wrote {out}/")


def show_best(results: Results, most: int | None = None) -> None:
    """Print the first rows of the leaderboard, or all, without intervals: they fit."""
    if (table := table_of(LEADERBOARD, results)) is None:
        return
    rows = table.rows[:most]
    blocks = dict.fromkeys(row.block for row in rows if row.block)
    shown = TerminalTable(
        title=", ".join(("The best methods", *blocks)),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    shown.add_column("method", overflow="fold")
    for heading in table.headings:
        narrow = heading.replace(" ", "\n").replace("-", "-\n")
        shown.add_column(terminal_text(narrow), justify="right", no_wrap=True)
    for row in rows:
        values = (cell.texts[0].partition(" (")[0] for cell in row.cells)
        # Else a narrow terminal breaks a line behind the sign.
        labels = (text.replace(" = ", "=") for text in row.labels)
        shown.add_row(*map(terminal_text, (*labels, *values)))
    Console().print(shown)
