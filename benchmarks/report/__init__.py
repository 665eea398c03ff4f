"""Tables, figures and a page, made from the files of a run; imports neither torch nor methods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.io import UserError, path_of
from benchmarks.nouns import Names
from benchmarks.report.results import Results, read_if_there
from benchmarks.report.tables.declared import COST, tables_of
from benchmarks.report.tables.epistemic import epistemic_table
from benchmarks.report.tables.pivot import Pivot, table_of
from benchmarks.report.tables.table import write_tables
from benchmarks.vocabulary import ANSWER_CSV, LATENCY_CSV, MEASUREMENTS_CSV, SUMMARY_CSV


def write_report(folder: Path, only: Sequence[Pivot] = ()) -> None:
    """Write every table and figure of the run whose files are in the folder, and its page.

    Args:
        only: the tables of a single contestant, which there is nothing to compare with.

    Raises:
        UserError: see `require_results`.
    """
    if not only:
        require_results(folder)
    # Not at the top: tables of timings are written where nothing that draws is installed.
    from benchmarks.report.answer import write_answer
    from benchmarks.report.claims import write_claims_page
    from benchmarks.report.figures import drawn_figures
    from benchmarks.report.figures.files import write_figures
    from benchmarks.report.page import write_page
    from benchmarks.report.published import published_table

    results = Results.load(folder)
    chosen = [table for pivot in only if (table := table_of(pivot, results))]
    tables = chosen if only else tables_of(results)
    if not only:
        write_answer(results, folder)
        tables.extend(filter(None, [published_table(results), epistemic_table(results)]))
    write_tables(tables, folder)
    figures = drawn_figures(results)
    write_figures(figures, folder)
    write_claims_page(results, {figure.name for figure in figures}, folder)
    write_page(results, tables, figures, folder)


def require_results(folder: Path) -> None:
    """Stop where there is nothing that a report could be drawn from.

    Raises:
        UserError: nothing has been measured there yet, or a table is missing, as in what the
            repository keeps of a run.
    """
    if not path_of(folder, SUMMARY_CSV).exists():
        raise UserError(
            f"there are no results in {folder} yet (no {SUMMARY_CSV}); run without --only first"
        )
    for name in (MEASUREMENTS_CSV, ANSWER_CSV):
        if not path_of(folder, name).exists():
            raise UserError(
                f"{folder} has a summary and no {name}, which the stage measure writes, too: run "
                "--only measure; without predictions, as the repository keeps a run, make it again "
                "by the command in its run.json, with --out"
            )


def write_latency_tables(folder: Path) -> None:
    """Write the tables of `latency.csv`, if methods were timed there."""
    latency = read_if_there(folder, LATENCY_CSV)
    if not latency.empty:
        results = Results(pd.DataFrame(), Names.read(folder), latency=latency)
        write_tables(filter(None, [table_of(COST, results)]), folder)
