"""Write what holds in several runs: a page in Markdown, the summary as JSON, and both tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.across.pivot import pivot, rank_correlations, read_runs, summary
from benchmarks.io import write_json, written_whole
from benchmarks.nouns import Names
from benchmarks.report.number_format import UNDEFINED
from benchmarks.report.results import fingerprints
from benchmarks.report.tables.table import Cell, Row, Table, markdown
from benchmarks.schema import write_table
from benchmarks.vocabulary import ACROSS_JSON, ACROSS_MD

DECISIONS_CSV, RANKINGS_CSV = "decisions.csv", "rankings.csv"

MOST_CHOICES = 3
"""In a cell of the page; the CSV names all."""


def write_across(folders: Sequence[Path], out: Path) -> str:
    """Compare the runs of several folders, write the files, and return the summary.

    Raises:
        UserError: see `read_runs`.
    """
    runs = read_runs(folders)
    decisions, correlations = pivot(runs), rank_correlations(runs)
    names = [run.results.names for run in runs]
    in_words = summary(decisions, correlations, len(runs))
    tables = decisions_table(decisions), rankings_table(correlations, names)
    text = "\n".join([f"# Across runs\n\n{in_words}\n", *map(markdown, tables)])
    with written_whole(out / ACROSS_MD) as temporary:
        temporary.write_text(text, encoding="utf-8")
    write_json({"runs": fingerprints(folders), "summary": in_words}, out / ACROSS_JSON)
    write_table(decisions, out, DECISIONS_CSV)
    write_table(correlations.round(4), out, RANKINGS_CSV)
    return in_words


def decisions_table(decisions: pd.DataFrame) -> Table:
    """The pivot of decisions in print."""
    return Table(
        name="decisions",
        caption="Which method to use, by run.",
        group_heading="Situation",
        label_headings=("Judged on", "Agree", "In all runs", *decisions.columns[4:]),
        headings=(),
        rows=tuple(
            Row(str(row[0]), tuple(_shortened(str(text)) for text in row[1:]), ())
            for row in decisions.itertuples(index=False)
        ),
        remarks=(
            "A run names a method, its size and its recipe; several, where no test separates them "
            "(docs/statistics.md). Runs agree in part if they have a choice in common. A test that "
            "finds a difference in one run and none in another is enough for another choice.",
        ),
    )


def _shortened(choices: str) -> str:
    """The first of many choices, and how many others there are."""
    names = choices.split("; ")
    if len(names) <= MOST_CHOICES:
        return choices or UNDEFINED
    return f"{'; '.join(names[:MOST_CHOICES])} and {len(names) - MOST_CHOICES} more"


def rankings_table(correlations: pd.DataFrame, runs: Sequence[Names]) -> Table:
    """A row a measure, a column a pair of runs; as the first run that has a condition calls it."""

    def label(condition: str) -> str:
        known = (one.label for names in runs for one in names.conditions if one.name == condition)
        return next(known, condition)

    return Table(
        name="rankings",
        caption="Spearman's rank correlation of methods between two runs.",
        group_heading="",
        label_headings=("Images", "Measure"),
        headings=tuple(correlations.columns[2:]),
        rows=tuple(
            Row(
                "",
                (label(condition), runs[0].printed(metric).name),
                tuple(Cell() if pd.isna(one) else Cell(text=f"{one:.2f}") for one in values),
            )
            for condition, metric, *values in correlations.itertuples(index=False)
        ),
        remarks=(
            "Over methods at the sizes of tables, each recipe's apart, as far as both runs have "
            "them.",
        ),
    )
