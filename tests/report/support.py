"""What a run names, and its tables and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.nouns import Names
from benchmarks.report.figures.files import FigureFiles
from benchmarks.report.page import write_page
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import PIVOTS, tables_of
from benchmarks.report.tables.pivot import table_of as table_of_pivot
from benchmarks.report.tables.table import Table
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.schema import AnswerRow, table_of
from tests.made_up import SMALL


def nouns(**changes: object) -> Names:
    """What a run names; ``changes``: parts of the configuration."""
    plan = Plan(replace(SMALL, **changes))
    return nouns_of(plan, metric_records(10))


NAMES = nouns()


ANSWER = AnswerRow(
    **{"method": "", "members": "1", "budget": 1.0, "images": 80, "best": "no"},
    **{"condition": "clean", "metric": "accuracy", "score": ""},
)


def answers(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The table ``answer.csv`` of these rows; what a row does not name is as in `ANSWER`."""
    return table_of(AnswerRow, [replace(ANSWER, **row) for row in rows])


def page_of(folder: Path, figures: Sequence[FigureFiles] = ()) -> str:
    """The page of a run, written anew."""
    results = Results.load(folder)
    write_page(results, tables_of(results), figures, folder)
    return (folder / "index.html").read_text(encoding="utf-8")


def made_table(results: Results, name: str) -> Table | None:
    """A table of a run's results; ``None`` where it would be empty."""
    (pivot,) = (pivot for pivot in PIVOTS if pivot.name == name)
    return table_of_pivot(pivot, results)


def table_named(results: Results, name: str) -> Table:
    """A table of a run's results that is not empty."""
    table = made_table(results, name)
    assert table is not None
    return table
