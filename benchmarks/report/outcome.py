"""What the terminal shows at the end of a run: the answer, the best methods, what to open."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as TerminalTable

from benchmarks.io import path_of, read_json, terminal_text
from benchmarks.report.answer import answer, best_sets
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import LEADERBOARD
from benchmarks.report.tables.pivot import heading, table_of
from benchmarks.report.texts import preview
from benchmarks.vocabulary import INDEX_HTML, RUN_JSON, SUMMARY_CSV


def show_outcome(out: Path) -> None:
    """Print the answer, the best methods, the time that it took, and what to open.

    Conditions that were left out, because their data are not available, are named in one more line.
    """
    if path_of(out, SUMMARY_CSV).exists():
        results = Results.load(out)
        said = answer(results)["short"]
        if said and results.recipe:
            print(f"Is one network with dropout as good as many? {said}")
        show_best(results)
        show_best_sets(results)
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


def show_best(results: Results) -> None:
    """Print the leaderboard without intervals: it fits."""
    if (table := table_of(LEADERBOARD, results)) is None:
        return
    blocks = dict.fromkeys(row.block for row in table.rows if row.block)
    print(", ".join(("The methods by the five measures", *blocks)))
    shown = _table("method")
    for text in table.headings:
        narrow = text.replace(" ", "\n").replace("-", "-\n")
        shown.add_column(terminal_text(narrow), justify="right", no_wrap=True)
    for row in table.rows:
        # Else a narrow terminal breaks a line behind the sign.
        labels = (terminal_text(text.replace(" = ", "=")) for text in row.labels)
        values = (
            terminal_text(f"{cell.texts[0]}{cell.mark or ' '}", "bold" if cell.is_best else "")
            for cell in row.cells
        )
        shown.add_row(*labels, *values)
    Console().print(shown)
    if not results.answer.empty:
        print("Bold: may be the best of its budget. ▲ better, ▾ worse than one network.")


def show_best_sets(results: Results) -> None:
    """Print the set that contains the best, by budget and measure; nothing without an answer."""
    for budget, sets in groupby(best_sets(results), key=attrgetter("budget")):
        budget_text = f" of budget {budget:g}" * (len(results.budgets) > 1)
        print(f"What may be the best{budget_text}, and in how many redraws it stays so")
        shown = _table("measure")
        shown.add_column("contestants")
        for each in sets:
            names = [f"{results.label(choice)} {share:.0%}" for choice, share in each.stays.items()]
            text = ". ".join(filter(None, ("; ".join(names), each.remark)))
            cells = heading(results, each.quantity), text.replace(" = ", "=")
            shown.add_row(*map(terminal_text, cells))
        Console().print(shown)


def _table(first: str) -> TerminalTable:
    """A table without edges, whose first column names the rows."""
    shown = TerminalTable(box=SIMPLE_HEAD, padding=0, show_edge=False)
    shown.add_column(first, overflow="fold")
    return shown
