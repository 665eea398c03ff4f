"""The table of sizes: which are enough, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import Variant
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.cost import needed
from benchmarks.report.tables.table import as_frame, markdown
from tests.report.support import NAMES, comparisons, table_named

FULL = Variant("mc_dropout", "8")
ACCURACY, NLL = Quantity("clean", "accuracy"), Quantity("clean", "nll")

BY_INFORMATION = Quantity("ood-uniform_noise", "auroc", "mutual_information")

SAME, BETTER, WORSE = (-0.01, 0.01), (0.001, 0.009), (-0.009, -0.001)
"""Intervals of a difference in accuracy."""


def with_differences(
    results: Results, bounds: dict[str, tuple[float, float]], quantity: Quantity = ACCURACY
) -> Results:
    """The results with an interval at T = 8, and no other differences of sizes than these to it."""
    summary = results.summary.copy()
    whole = (summary["method"] == "mc_dropout") & (summary["members"] == "8")
    for column, text in quantity._asdict().items():
        whole &= summary[column] == text
    summary.loc[whole, ["value", "lower", "upper"]] = (0.90, 0.89, 0.91)
    rows = [
        quantity._asdict()
        | {"method": "mc_dropout", "members": members, "lower": lower, "upper": upper}
        | {"other_method": "mc_dropout", "other_members": "8", "other_score": quantity.score}
        for members, (lower, upper) in bounds.items()
    ]
    return replace(results, summary=summary, comparisons=comparisons(rows))


@pytest.fixture(scope="module")
def timed_results(made_up_run: Path) -> Results:
    return Results.load(made_up_run)


@pytest.mark.parametrize(
    ("bounds", "quantity", "enough"),
    [
        ({"1": WORSE, "2": WORSE, "4": SAME}, ACCURACY, "T = 4"),
        ({"1": SAME, "2": WORSE, "4": SAME}, ACCURACY, "T = 4"),  # the first is so by chance
        ({"1": SAME, "2": SAME, "4": SAME}, ACCURACY, "T = 1"),
        ({"1": WORSE, "2": WORSE, "4": WORSE}, ACCURACY, "T = 8"),
        ({"1": WORSE, "2": SAME, "4": BETTER}, ACCURACY, "T = 2"),
        ({"4": SAME}, ACCURACY, "≤ T = 4"),
        ({"1": SAME}, ACCURACY, "≤ T = 8"),
        ({"1": BETTER, "2": WORSE, "4": SAME}, NLL, "T = 2"),
        ({"2": SAME, "4": SAME}, BY_INFORMATION, "T = 2"),  # undefined with one member
    ],
)
def test_enough_is_the_size_from_which_on_none_is_worse(
    bounds: dict[str, tuple[float, float]], quantity: Quantity, enough: str, timed_results: Results
) -> None:
    smallest = needed(with_differences(timed_results, bounds, quantity), FULL, quantity)
    assert smallest is not None
    assert smallest[1] == enough


def test_without_an_interval_nothing_is_claimed(timed_results: Results) -> None:
    summary = timed_results.summary.copy()
    of_accuracy = (summary["metric"] == "accuracy") & (summary["condition"] == "clean")
    summary.loc[of_accuracy, ["lower", "upper"]] = np.nan
    without = replace(timed_results, summary=summary)
    assert needed(without, FULL, ACCURACY) is None
    table = table_named(without, "cost")
    frame = as_frame(table)
    row = frame[(frame["Method"] == "MC-dropout, T = 8") & frame["Measure"].str.startswith("Acc")]
    assert row["Needed"].iloc[0] == "—"
    assert row["Value at this size"].iloc[0] == "undefined"
    assert "no interval" in row["notes"].iloc[0]


def test_table_of_sizes_tells_what_they_cost(timed_results: Results) -> None:
    compared = with_differences(timed_results, {"2": WORSE, "4": SAME})
    table = table_named(compared, "cost")
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


def without(results: Results, *sizes: str) -> Results:
    """The results as if MC-dropout had not been measured with these numbers of passes."""
    summary = results.summary
    dropped = (summary["method"] == "mc_dropout") & summary["members"].isin(sizes)
    return replace(results, summary=summary[~dropped])


def test_sizes_are_compared_by_what_the_main_table_shows(timed_results: Results) -> None:
    table = table_named(timed_results, "cost")
    rows = as_frame(table).query("Method == 'MC-dropout, T = 8'")
    measured = set(rows["Measure"])
    clean = {measure.partition(",")[0] for measure in measured if measure.endswith("Clean")}
    assert clean == {
        NAMES.printed(name).title
        for name, metric in METRICS.items()
        if metric.shown != "detail" and metric.better and "reference" not in metric.needs
    }
    assert {"AUROC ↑, Uniform noise", "NLL ↓, Mean of 30°, 45°"} < measured


def test_method_of_one_size_has_no_row(timed_results: Results) -> None:
    table = table_named(without(timed_results, "1", "2", "4"), "cost")
    assert "MC-dropout" not in markdown(table)
