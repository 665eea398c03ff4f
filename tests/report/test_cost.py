"""Quality against cost: values joined with times, and the front of sizes that are worth it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report import write_report
from benchmarks.report.figures import draw_figure
from benchmarks.report.results import Results
from benchmarks.report.timings import Setup, main_setup
from tests.report.support import table_named


def points(results: Results) -> pd.DataFrame:
    return draw_figure(results, "cost").numbers


def test_an_ensemble_of_one_network_is_no_point(timed_results: Results) -> None:
    summary, latency = timed_results.summary, timed_results.latency
    many = summary["method"] == "deep_ensemble"
    smallest = min(summary[many]["members"], key=int)
    as_one = [
        table.replace({"members": {smallest: "1"}}).where(table["method"] == "deep_ensemble", table)
        for table in (summary, latency)
    ]
    alone = replace(timed_results, summary=as_one[0], latency=as_one[1])
    assert "1" in set(alone.summary[many]["members"])
    found = points(alone)
    assert "1" not in set(found[found["method"] == "deep_ensemble"]["members"])
    assert "1" in set(found[found["method"] == "softmax"]["members"])


def test_setup_compared_is_the_one_in_which_most_sizes_were_timed(timed_results: Results) -> None:
    assert main_setup(timed_results.latency) == Setup("cpu", "A Processor", 1, "numba")
    gpu = timed_results.latency[timed_results.latency["threads"] == 1].assign(
        device="cuda:0", device_name="A Card", engine="torch"
    )
    both = pd.concat([timed_results.latency, gpu], ignore_index=True)
    found = main_setup(both)
    assert found is not None
    assert found.label == "A Card"
    assert main_setup(pd.DataFrame()) is None


def test_custom_methods_are_compared_with_the_others(timed_results: Results) -> None:
    latency = timed_results.latency.copy()
    latency.loc[latency["method"] == "softmax", "engine"] = "self-trained"
    numbers = points(replace(timed_results, latency=latency))
    assert set(numbers["method"]) == {"softmax", "mc_dropout", "deep_ensemble"}
    resources = table_named(replace(timed_results, latency=latency), "resources")
    assert "Softmax" in {row.labels[0] for row in resources.rows}


@pytest.mark.slow
def test_run_with_timings_has_the_figure_and_the_tables(timed: Path, tmp_path: Path) -> None:
    shutil.copytree(timed, tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["predictions"])
    write_report(tmp_path)
    for name in ("latency", "resources", "cost"):
        assert {path.suffix for path in (tmp_path / "tables").glob(f"{name}.*")} == {".md", ".csv"}
    assert {path.suffix for path in (tmp_path / "figures").glob("cost-standard.*")} == {
        *(".png", ".svg", ".csv")
    }
