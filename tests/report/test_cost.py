"""Quality against cost: values joined with times, and the front of sizes that are worth it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.nouns import Variant
from benchmarks.report import write_report
from benchmarks.report.figures.cost import draw
from benchmarks.report.numbers.cost import Setup, main_setup, points
from benchmarks.report.numbers.replicates import of_replicates
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.report.tables.formats import as_frame
from benchmarks.report.tables.latency import latency_tables

NO_REPLICATES = pd.DataFrame(columns=["method", "members", "replicate", "p50_ms", "value"])


def test_all_sizes_are_in_cost_alone(timed_results: Results) -> None:
    assert [v.members for v in timed_results.shown] == ["1", "4", "8", "2", "4"]
    assert set(points(timed_results).query("method == 'mc_dropout'")["members"]) == set("1248")


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
    _, resources = latency_tables(latency, timed_results.names)
    assert "Softmax" in set(as_frame(resources)["Method"])
    one = numbers[(numbers["metric"] == "nll") & (numbers["batch_size"] == 1)]
    one.loc[one["method"] == "softmax", "members"] = "exact"
    names, look = timed_results.names, looks(timed_results.names, timed_results.shown)
    assert draw(Figure().subplots(), names, one, NO_REPLICATES, look).lines


def test_points_join_value_and_time(timed_results: Results) -> None:
    row = points(timed_results).query(
        "method == 'mc_dropout' and members == '4' and batch_size == 64"
    )
    row = row[row["metric"] == "ece"].iloc[0]
    found = timed_results.find(Variant("mc_dropout", "4"), Quantity("clean", "ece"))
    assert found is not None
    assert (row["value"], row["p50_ms"]) == (found["value"], 44)


def test_front_is_what_nothing_else_beats(timed_results: Results) -> None:
    for (metric, _), rows in points(timed_results).groupby(["metric", "batch_size"]):
        loss = rows["value"] * (-1 if metric == "auroc" else 1)
        best = [
            not any((rows["p50_ms"] < ms) & (loss <= own) | (rows["p50_ms"] <= ms) & (loss < own))
            for ms, own in zip(rows["p50_ms"], loss, strict=True)
        ]
        assert list(rows["pareto"]) == best
        assert any(best)


@pytest.mark.slow
def test_run_with_timings_has_the_figure_and_the_tables(timed: Path, tmp_path: Path) -> None:
    shutil.copytree(timed, tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["predictions"])
    write_report(tmp_path)
    for name in ("latency", "resources", "cost-standard"):
        assert {path.suffix for path in (tmp_path / "tables").glob(f"{name}.*")} == {
            *(".md", ".csv", ".tex")
        }
    assert {path.suffix for path in (tmp_path / "figures").glob("cost-standard.*")} == {
        *(".png", ".svg", ".csv")
    }


def test_replicates_are_drawn_and_those_beyond_the_axis_at_its_edge(timed_results: Results) -> None:
    numbers = points(timed_results)
    thin = of_replicates(timed_results, numbers, "batch_size", "p50_ms")
    one, each = (
        table[(table["metric"] == "ece") & (table["batch_size"] == 1)] for table in (numbers, thin)
    )
    means = each.groupby(["method", "members"])["value"].mean()
    assert len(each) == 2 * len(means)
    values = one.set_index(["method", "members"])["value"]
    assert set(values.index) - set(means.index) == {("deep_ensemble", "4")}  # of one replicate
    assert means.to_dict() == pytest.approx(values[means.index].to_dict(), abs=1e-5)
    each = each.assign(value=each["value"].where(each.index != each.index[0], 0.9))
    names, look = timed_results.names, looks(timed_results.names, timed_results.shown)
    ax = draw(Figure().subplots(), names, one, each, look)
    top = ax.get_ylim()[1]
    marked = {line.get_marker(): line for line in ax.lines if line.get_linestyle() == "None"}
    assert list(marked["^"].get_ydata()) == [top]
    shown = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in shown) == len(each)


def test_a_mean_of_a_few_replicates_has_no_interval(timed_results: Results) -> None:
    found = points(timed_results)
    alone = (found["method"] == "deep_ensemble") & (found["members"] == "4")
    assert found.loc[~alone, ["lower", "upper"]].isna().all(axis=None)
    assert found.loc[alone, ["lower", "upper"]].notna().any(axis=None)
    several = timed_results.summary.assign(replicates=5)
    bounds = points(replace(timed_results, summary=several))[["lower", "upper"]]
    assert bounds.notna().any(axis=None)
