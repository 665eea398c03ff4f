"""Selective prediction: its table, and the metrics that it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nouns import MetricRecord
from benchmarks.report.figures import figure_names
from benchmarks.report.numbers.abstaining import steps
from benchmarks.report.results import Results
from tests.report.support import NAMES, made_table, table_named

SHARES = [0, 1, 5, 10, 20]


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported).of_recipe("standard")


def test_table_has_the_errors_in_percent(results: Results) -> None:
    table = table_named(results, "abstaining")
    assert len(table.rows) == 2 * len(results.evaluated_on(["clean"]))
    assert "Abstains\non 5 %" in table.headings
    for row, whole in zip(table.rows, table_named(results, "calibration").rows, strict=True):
        assert (row.group, row.labels) == (whole.group, whole.labels)
        assert row.cells[0].value == pytest.approx(100 * (1 - whole.cells[0].value))


def test_run_without_these_metrics_has_neither_table_nor_figure(results: Results) -> None:
    metrics = tuple(m for m in NAMES.metrics if m.coverage == 1)
    earlier = replace(results, names=replace(NAMES, metrics=metrics))
    assert made_table(earlier, "abstaining") is None
    assert "abstaining" not in figure_names(earlier)


def test_metrics_at_other_coverages_are_found(results: Results) -> None:
    more = MetricRecord("half", "Half", coverage=0.5)
    names = replace(NAMES, metrics=(more, *NAMES.metrics))
    assert list(steps(replace(results, names=names)).values()) == [*SHARES, 50]
