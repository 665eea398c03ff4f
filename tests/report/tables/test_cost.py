"""The table of sizes: what each gives, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report.results import Results
from benchmarks.report.tables.table import as_frame, markdown
from benchmarks.schema import where
from tests.report.support import table_named


@pytest.fixture(scope="module")
def results(made_up_run: Path) -> Results:
    return Results.load(made_up_run)


def test_every_size_has_the_measures_of_the_headline_and_its_latency(results: Results) -> None:
    table = table_named(results, "cost")
    frame = as_frame(table).set_index(["Method", "Size"])
    assert [size for method, size in frame.index if method == "MC-dropout"] == [
        f"T = {size}" for size in (1, 2, 4, 8)
    ]
    row = frame.loc["MC-dropout", "T = 4"]
    assert (row["PyTorch (ms) 1 image"], row["PyTorch (ms) 64 images"]) == ("4.00", "44.0")
    assert row["Kernels (ms) 1 image"] == "0.400"
    assert set(frame.loc["Deep ensemble", "Kernels (ms) 1 image"]) == {"undefined"}
    known = where(results.summary, method="mc_dropout", members="4", condition="clean")
    (value,) = where(known, metric="nll")["value"]
    assert float(row["NLL ↓ Clean"]) == pytest.approx(value, abs=0.01)
    assert len(table.headings) == len(results.headline) + 4


def test_without_timings_values_stand_alone(results: Results) -> None:
    untimed = replace(results, latency=pd.DataFrame())
    assert len(table_named(untimed, "cost").headings) == len(results.headline)


def test_method_of_one_size_has_no_row(results: Results) -> None:
    summary = results.summary
    dropped = (summary["method"] == "mc_dropout") & (summary["members"] != "8")
    table = table_named(replace(results, summary=summary[~dropped]), "cost")
    assert "MC-dropout" not in markdown(table)
