"""Tables, figures and a page, made from the files of a run; imports neither torch nor methods."""

from __future__ import annotations

from pathlib import Path

from benchmarks.nouns import Nouns
from benchmarks.progress import tracked
from benchmarks.report.names import Names
from benchmarks.report.read.files import read_if_there, read_latency
from benchmarks.report.results import Results
from benchmarks.report.tables.integrity import integrity_table
from benchmarks.report.tables.latency import latency_tables
from benchmarks.report.tables.text.formats import write_tables
from benchmarks.stored.listing import path_of
from benchmarks.vocabulary import SCORE_LATENCY_CSV, SUMMARY_CSV


def write_report(folder: Path) -> None:
    """Write every table and figure of the run whose files are in the folder, and its page.

    Raises:
        UserError: nothing has been measured there yet, or the run is of an earlier version.
    """
    write_latency_tables(folder)
    if not read_latency(folder).empty and not path_of(folder, SUMMARY_CSV).exists():
        return  # methods were only timed here
    # Not at the top: tables of timings are written where nothing that draws is installed.
    from benchmarks.report.answer.kinds import kinds_table
    from benchmarks.report.answer.table import decision_table
    from benchmarks.report.page import write_page
    from benchmarks.report.published.writing import write_published
    from benchmarks.report.recipe import write_recipe
    from benchmarks.report.tables.claims import verdict_table

    results = Results.load(folder)
    answers = decision_table(results), kinds_table(results)
    verdicts = verdict_table(results.claims) if results.claims else None
    write_tables(filter(None, (*answers, verdicts, integrity_table(folder))), folder)
    write_published(results, folder)
    done = (write_recipe(results, recipe, folder) for recipe in results.recipes)
    for _ in tracked(done, len(results.recipes), "report", "recipes"):
        pass
    write_page(results, folder)


def write_latency_tables(folder: Path) -> None:
    """Write the tables of `latency.csv`, if methods were timed there."""
    latency, of_scores = read_latency(folder), read_if_there(folder, SCORE_LATENCY_CSV)
    if not latency.empty:
        write_tables(latency_tables(latency, Names(Nouns.read(folder)), of_scores), folder)
