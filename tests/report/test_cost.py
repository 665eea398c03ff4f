"""Latency tables, and quality against cost: which sizes are worth it and which are enough."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.latency.rows import COLUMNS, NO_GPU, Latency
from benchmarks.records import write_table
from benchmarks.report import cost, write_report
from benchmarks.report.cost import Setup, main_setup, needed, points
from benchmarks.report.figures.cost import draw
from benchmarks.report.latency_tables import cost_tables, latency_tables
from benchmarks.report.names import Variant
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.report.table import as_frame, latex, markdown

PASSES, MEMBERS = (1, 2, 4, 8), (2, 4)

ROW = Latency(
    *("softmax", "1", 1, "cpu", "A Processor", 1, "numba", "kernels"),
    **{"p50_ms": 0.5, "p50_lower_ms": 0.49, "p50_upper_ms": 0.51, "calls": 300},
    **{"parameters": 61706, "multiply_adds": 416520, "weight_bytes": 246824},
    **{"p90_ms": 0.6, "p99_ms": 0.9, "images_per_s": 2000.0},
    **{"peak_memory_mb": 1.5, "training_s": 12.5},
)


def write_latency(rows: list[Latency], folder: Path) -> None:
    write_table(
        pd.DataFrame(list(map(asdict, rows)), columns=COLUMNS, dtype=object),
        folder / "latency.csv",
    )


def timings() -> list[Latency]:
    """A millisecond a pass or member and ten an image; the largest sizes with two threads too."""
    rows = []
    for method, sizes in (("softmax", (1,)), ("mc_dropout", PASSES), ("deep_ensemble", MEMBERS)):
        for size in sizes:
            for batch_size in (1, 64):
                ms = size * (1 + 10 * (batch_size > 1)) * (3 if method == "deep_ensemble" else 1)
                row = replace(
                    ROW,
                    method=method,
                    members=str(size),
                    batch_size=batch_size,
                    p50_ms=ms,
                    p50_lower_ms=0.98 * ms,
                    p50_upper_ms=1.02 * ms,
                    p90_ms=1.5 * ms,
                    p99_ms=2 * ms if size < 8 else None,
                    images_per_s=1000 * batch_size / ms,
                )
                rows.append(row)
                if size == max(sizes):
                    rows.append(replace(row, threads=2, p50_ms=7.0))
    absent = replace(Latency("softmax", "", None, "cuda", "", None, "torch", ""), clock="")
    return [
        *rows,
        *(
            replace(absent, method=method, status="unavailable", reason=NO_GPU)
            for method in ("softmax", "mc_dropout", "deep_ensemble")
        ),
    ]


@pytest.fixture(scope="module")
def folder(make_run: Callable[..., Path]) -> Path:
    found = make_run(members=MEMBERS, passes=PASSES)
    write_latency(timings(), found)
    return found


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return Results.load(folder).of_recipe("standard")


def test_all_sizes_are_in_cost_alone(results: Results) -> None:
    assert [v.members for v in results.shown] == ["1", "4", "8", "2", "4"]
    assert set(points(results).query("method == 'mc_dropout'")["members"]) == set("1248")


def test_setup_compared_is_the_one_in_which_most_sizes_were_timed(results: Results) -> None:
    assert main_setup(results.latency) == Setup("cpu", "A Processor", 1, "numba")
    gpu = results.latency[results.latency["threads"] == 1].assign(
        device="cuda:0", device_name="A Card", engine="torch"
    )
    both = pd.concat([results.latency, gpu], ignore_index=True)
    found = main_setup(both)
    assert found is not None
    assert found.label == "A Card"
    assert main_setup(pd.DataFrame()) is None


def test_methods_that_compute_for_themselves_stand_beside_the_others(results: Results) -> None:
    latency = results.latency.copy()
    latency.loc[latency["method"] == "softmax", "engine"] = "self-trained"
    numbers = points(replace(results, latency=latency))
    assert set(numbers["method"]) == {"softmax", "mc_dropout", "deep_ensemble"}
    _, resources = latency_tables(latency)
    assert "Softmax" in set(as_frame(resources)["Method"])
    one = numbers[(numbers["metric"] == "nll") & (numbers["batch_size"] == 1)]
    one.loc[one["method"] == "softmax", "members"] = "exact"
    assert draw(Figure().subplots(), one, looks(results.shown)).lines


def test_points_join_value_and_time(results: Results) -> None:
    row = points(results).query("method == 'mc_dropout' and members == '4' and batch_size == 64")
    row = row[row["metric"] == "ece"].iloc[0]
    found = results.find(Variant("mc_dropout", "4"), "clean", "ece")
    assert found is not None
    assert (row["value"], row["p50_ms"]) == (found["value"], 44)


def test_front_is_what_nothing_else_beats(results: Results) -> None:
    for (metric, _), rows in points(results).groupby(["metric", "batch_size"]):
        loss = rows["value"] * (-1 if metric == "auroc" else 1)
        best = [
            not any((rows["p50_ms"] < ms) & (loss <= own) | (rows["p50_ms"] <= ms) & (loss < own))
            for ms, own in zip(rows["p50_ms"], loss, strict=True)
        ]
        assert list(rows["pareto"]) == best
        assert any(best)


FULL = Variant("mc_dropout", "8")
ACCURACY, NLL = ("accuracy", "clean", ""), ("nll", "clean", "")

SAME, BETTER, WORSE = (-0.01, 0.01), (0.001, 0.009), (-0.009, -0.001)
"""Intervals of a difference in accuracy."""


def with_differences(
    results: Results,
    bounds: dict[str, tuple[float, float]],
    asked: tuple[str, str, str] = ACCURACY,
) -> Results:
    """The results with an interval at T = 8, and no other differences of sizes than these to it."""
    summary = results.summary.copy()
    whole = (summary["method"] == "mc_dropout") & (summary["members"] == "8")
    for column, text in zip(("metric", "condition", "score"), asked, strict=True):
        whole &= summary[column] == text
    summary.loc[whole, ["value", "lower", "upper"]] = (0.90, 0.89, 0.91)
    rows = [
        dict(zip(("metric", "condition", "score"), asked, strict=True))
        | {"method": "mc_dropout", "members": members, "status": "ok"}
        | {"other_method": "mc_dropout", "other_members": "8", "lower": lower, "upper": upper}
        for members, (lower, upper) in bounds.items()
    ]
    return replace(results, summary=summary, comparisons=pd.DataFrame(rows))


@pytest.mark.parametrize(
    ("bounds", "enough"),
    [
        ({"1": WORSE, "2": WORSE, "4": SAME}, "T = 4"),
        ({"1": SAME, "2": WORSE, "4": SAME}, "T = 4"),  # the first is so by chance
        ({"1": SAME, "2": SAME, "4": SAME}, "T = 1"),
        ({"1": WORSE, "2": WORSE, "4": WORSE}, "T = 8"),
        ({"1": WORSE, "2": SAME, "4": BETTER}, "T = 2"),
        ({"4": SAME}, "≤ T = 4"),
        ({"1": SAME}, "≤ T = 8"),
    ],
)
def test_enough_is_the_size_from_which_on_none_is_worse(
    bounds: dict[str, tuple[float, float]], enough: str, results: Results
) -> None:
    found = needed(with_differences(results, bounds), FULL, ACCURACY)
    assert found is not None
    assert found.label == enough


def test_less_is_better_of_a_loss(results: Results) -> None:
    with_losses = with_differences(results, {"1": BETTER, "2": WORSE, "4": SAME}, NLL)
    found = needed(with_losses, FULL, NLL)
    assert found is not None
    assert found.label == "T = 2"


def test_size_without_disagreement_is_not_enough(results: Results) -> None:
    by_information = ("auroc", results.ood[0], "mutual_information")
    single = results.find(Variant("mc_dropout", "1"), by_information[1], *by_information[::2])
    assert single is not None
    assert single["status"] == "undefined"
    compared = with_differences(results, {"2": SAME, "4": SAME}, by_information)
    found = needed(compared, FULL, by_information)
    assert found is not None
    assert found.label == "T = 2"


def test_sizes_are_compared_on_turned_images_too(results: Results) -> None:
    sizes = results.comparisons.query("method == other_method == 'mc_dropout'")
    for metric in ("accuracy", "nll", "ece"):
        found = sizes[sizes["metric"] == metric].groupby("condition")["members"].agg(set)
        assert found["clean"] == found["rotated-mean"] == {"1", "2", "4"}
        assert found["rotated-030"] == {"4"}


def test_without_an_interval_nothing_is_claimed(results: Results) -> None:
    summary = results.summary.copy()
    of_accuracy = (summary["metric"] == "accuracy") & (summary["condition"] == "clean")
    summary.loc[of_accuracy, ["lower", "upper"]] = np.nan
    without = replace(results, summary=summary)
    assert needed(without, FULL, ACCURACY) is None
    (table,) = cost_tables(without, "standard")
    frame = as_frame(table)
    row = frame[(frame["Method"] == "MC-dropout, T = 8") & frame["Measure"].str.startswith("Acc")]
    assert row["Needed"].iloc[0] == "—"
    assert row["Value at this size"].iloc[0] == "undefined"
    assert "no interval" in row["notes"].iloc[0]


def test_sizes_that_were_not_compared_are_footnoted(results: Results) -> None:
    (table,) = cost_tables(results, "standard")
    assert "≤" not in markdown(table)
    (table,) = cost_tables(with_differences(results, {"4": SAME}), "standard")
    assert "| ≤ T = 4 |" in markdown(table)
    assert "≤: enough, but" in markdown(table)


def test_table_of_sizes_tells_what_they_cost(results: Results) -> None:
    compared = with_differences(results, {"2": WORSE, "4": SAME})
    (table,) = cost_tables(compared, "standard")
    frame = as_frame(table)
    row = frame[
        (frame["Method"] == "MC-dropout, T = 8") & (frame["Measure"] == "Accuracy ↑, Clean")
    ]
    (row,) = row.to_dict("records")
    assert row["Needed"] == "T = 4"
    assert (row["ms, 1 image at this size"], row["ms, 1 image at full size"]) == ("4.00", "8.00")
    assert (row["ms, 64 images at this size"], row["ms, 64 images at full size"]) == (
        "44.0",
        "88.0",
    )
    assert "Deep ensemble, M = 4" in set(frame["Method"])
    assert markdown(table)
    assert latex(table)


def test_latency_is_tabled_by_device_and_batch_size(results: Results) -> None:
    latency, resources = latency_tables(results.latency)
    text = markdown(latency)
    cpu, more, gpu = text.split("\n| **")[1:]
    assert cpu.startswith("A Processor (1 thread, kernels)**")
    assert "| MC-dropout, T = 8 | 8.00 ± 0.16 | 88.0 ± 1.8 |" in cpu
    assert "T = 4" not in text
    assert more.startswith("A Processor (2 threads, kernels)**")
    assert gpu.startswith("GPU**")
    assert gpu.count("n/a <sup>a</sup>") == 6
    assert "unavailable: no GPU on this machine" in gpu
    frame = as_frame(resources)
    assert list(frame["Weights (MB)"]) == ["0.247"] * 3


def test_training_is_tabled_where_it_is_known(results: Results) -> None:
    _, known = latency_tables(results.latency)
    assert list(as_frame(known)["Training (s)"]) == ["12.500"] * 3
    _, of_before = latency_tables(results.latency.drop(columns="training_s"))
    assert list(as_frame(of_before)["Training (s)"]) == ["undefined"] * 3


def test_tails_of_single_images_and_rates_of_many_are_tabled(results: Results) -> None:
    _, resources = latency_tables(results.latency)
    frame = as_frame(resources).set_index("Method")
    of_passes = frame.loc["MC-dropout, T = 8"]
    assert float(of_passes["p90 (ms) 1 image"]) == 12
    assert of_passes["p99 (ms) 1 image"] == "undefined"
    rate = float(of_passes["Thousand images a second, 64 images"])
    assert rate == pytest.approx(64 / 88, abs=1e-3)
    assert float(frame.loc["Deep ensemble, M = 4", "p99 (ms) 1 image"]) == 24


def test_timings_alone_are_reported(tmp_path: Path) -> None:
    write_latency(timings(), tmp_path)
    write_report(tmp_path)
    written = {path.name for path in (tmp_path / "tables").glob("*.md")}
    assert written == {"latency.md", "resources.md"}
    assert not (tmp_path / "figures").exists()


def test_run_with_timings_has_the_figure_and_the_tables(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["predictions"])
    write_report(tmp_path)
    for name in ("latency", "resources", "cost-standard"):
        assert {path.suffix for path in (tmp_path / "tables").glob(f"{name}.*")} == {
            *(".md", ".csv", ".tex")
        }
    assert {path.suffix for path in (tmp_path / "figures").glob("cost-standard.*")} == {
        *(".png", ".svg", ".csv")
    }


def test_draw_takes_an_axes_and_returns_it(results: Results) -> None:
    numbers = points(results)
    ax = Figure().subplots()
    one = numbers[(numbers["metric"] == "nll") & (numbers["batch_size"] == 1)]
    assert draw(ax, one, looks(results.shown)) is ax
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["1", "2", "4", "8", "2", "4"]
    assert set(cost.COLUMNS) == set(numbers)
