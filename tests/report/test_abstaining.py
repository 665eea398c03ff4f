"""Selective prediction: its table, and the metrics that it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nouns import MetricRecord
from benchmarks.report.figures import figure_names
from benchmarks.report.numbers.abstaining import steps
from benchmarks.report.results import Results
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.formats import as_frame, markdown
from benchmarks.report.tables.latex import latex
from tests.report.support import NAMES

SHARES = [0, 1, 5, 10, 20]


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported).of_recipe("standard")


def test_table_has_the_errors_and_few_notes(results: Results) -> None:
    (table,) = abstaining_tables(results, "standard")
    assert len(table.all_headings) + 1 <= 12
    assert len(table.notes) <= 3
    assert len(as_frame(table)) == 2 * len(results.evaluated_on(["clean"]))
    assert "on 5 %" in markdown(table)
    assert "on 5 \\%" in latex(table)


def test_run_without_these_metrics_has_neither_table_nor_figure(results: Results) -> None:
    metrics = tuple(m for m in NAMES.metrics if m.coverage == 1)
    earlier = replace(results, names=replace(NAMES, metrics=metrics))
    assert list(abstaining_tables(earlier, "standard")) == []
    assert "abstaining" not in figure_names(earlier)


def test_metrics_at_other_coverages_are_found(results: Results) -> None:
    more = MetricRecord("half", "Half", coverage=0.5)
    names = replace(NAMES, metrics=(more, *NAMES.metrics))
    assert list(steps(replace(results, names=names)).values()) == [*SHARES, 50]
