"""Selective prediction: the numbers against the measurements, the table, and the finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.nouns import MetricRecord
from benchmarks.report.figures.abstaining import abstaining_figures
from benchmarks.report.numbers.abstaining import (
    errors,
    finding,
    replicate_errors,
    steps,
)
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.formats import as_frame, markdown
from benchmarks.report.tables.latex import latex
from benchmarks.schema import read_table, where
from tests.report.support import NAMES

SHARES = [0, 1, 5, 10, 20]
KEY = ["method", "members"]


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported).of_recipe("standard")


def test_conditions_are_clean_images_and_the_mean_of_the_rotated(results: Results) -> None:
    assert list(dict.fromkeys(errors(results)["condition"])) == ["clean", "rotated-mean"]
    assert list(steps(results).values()) == SHARES


def test_errors_are_the_measured_ones_in_percent(reported: Path, results: Results) -> None:
    numbers = errors(results)
    thin = replicate_errors(results, numbers)
    measured = where(read_table(reported, "measurements.csv"), condition="clean")
    for abstained, metric in zip(SHARES, steps(results), strict=True):
        rows = where(measured, metric=metric, score="predictive_entropy" if abstained else "")
        rows = rows.assign(error=100 * (rows["value"] if abstained else 1 - rows["value"]))
        shown = {"abstained": abstained, "condition": "clean"}
        means = where(numbers, **shown).set_index(KEY)["error"].to_dict()
        expected = rows.groupby(KEY)["error"].mean().to_dict()
        assert means == pytest.approx({key: expected[key] for key in means}, abs=1e-3)
        of_each = where(thin, **shown).set_index([*KEY, "replicate"])["error"].to_dict()
        expected = rows.set_index([*KEY, "replicate"])["error"].to_dict()
        assert len(of_each) >= 4
        assert of_each == pytest.approx({key: expected[key] for key in of_each}, abs=2e-3)


def test_table_has_the_errors_and_few_notes(results: Results) -> None:
    (table,) = abstaining_tables(results, "standard")
    assert len(table.all_headings) + 1 <= 12
    assert len(table.notes) <= 3
    numbers = errors(results)
    assert len(as_frame(table)) == (numbers["abstained"] == 0).sum()
    assert "on 5 %" in markdown(table)
    assert "on 5 \\%" in latex(table)
    cells = [cell.value for row in table.rows for cell in row.cells]
    assert cells == pytest.approx(numbers["error"].tolist())


def test_finding_is_the_range_over_all_methods(results: Results) -> None:
    rows = [
        *(("clean", 0.0, 2.5), ("clean", 0.0, 3.46), ("clean", 9.0, 0.61), ("clean", 9.0, 0.614)),
        *(("clean", 20.0, 0.0), ("rotated-030", 0.0, 54.4), ("rotated-030", 0.0, 41.0)),
        *(("rotated-030", 9.0, 60.0), ("rotated-030", 9.0, 0.0)),
    ]
    numbers = pd.DataFrame(rows, columns=["condition", "abstained", "error"])
    assert finding(results, numbers) == (
        "Abstaining on 9 % of images takes the methods' errors from 2.5–3.5 to 0.61 % (clean) "
        "and from 41–54 to 0–60 % (30°)"
    )
    clean = numbers[numbers["condition"] == "clean"]
    assert finding(results, clean).endswith("from 2.5–3.5 to 0.61 % (clean)")


def test_run_without_these_metrics_has_neither_table_nor_figure(results: Results) -> None:
    metrics = tuple(m for m in NAMES.metrics if m.coverage == 1)
    earlier = replace(results, names=replace(NAMES, metrics=metrics))
    assert list(abstaining_tables(earlier, "standard")) == []
    assert list(abstaining_figures(earlier, looks(earlier.names, earlier.shown))) == []


def test_metrics_at_other_coverages_are_found(results: Results) -> None:
    more = MetricRecord("half", "Half", coverage=0.5)
    names = replace(NAMES, metrics=(more, *NAMES.metrics))
    assert list(steps(replace(results, names=names)).values()) == [*SHARES, 50]
