"""Means over replicates, with their intervals and reasons, and over rotations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.inference.intervals import Interval, Key
from benchmarks.run.measurements import means_over_groups, summarise
from benchmarks.schema import Measurement, table_of
from tests.runs import CONDITIONS

ROW = Measurement("mc_dropout", "10", 1.0, "clean", "", "ece", 0, 0.25, 100)
KEY_OF_ROW = ("mc_dropout", "10", 1.0, "clean", "", "ece")


def rows_of_means(
    rows: Iterable[Measurement], intervals: Mapping[Key, Interval] | None = None
) -> list[dict[str, Any]]:
    return summarise(table_of(Measurement, rows), intervals).to_dict("records")


def test_means_over_groups_leave_out_further_severities_and_subsets() -> None:
    row = replace(ROW, condition="rotated-030", metric="nll", value=1.0)
    others = {"rotated-045": 2.0, "rotated-060": 50.0, "subset-rotated-045": 50.0, "clean": 50.0}
    rows = [row, *(replace(row, condition=name, value=v) for name, v in others.items())]
    conditions = [CONDITIONS[one.condition] for one in rows]
    (mean,) = means_over_groups(rows, conditions)
    assert (mean.condition, mean.value) == ("rotated-mean", 1.5)
    assert means_over_groups(rows[1:], conditions) == []


def test_summary_is_the_mean_with_the_interval_of_its_key() -> None:
    rows = [replace(ROW, replicate=i, value=v) for i, v in enumerate((0.3, 0.1, 0.2))]
    others = {(*KEY_OF_ROW[:3], "rotated-015", *KEY_OF_ROW[4:]): Interval(0.5)}
    (row,) = rows_of_means(rows, {KEY_OF_ROW: Interval(0.0123456)} | others)
    assert row["value"] == pytest.approx(0.2)
    # Four digits of the half-width are enough.
    assert (row["lower"], row["upper"]) == (0.18765, 0.21235)
    assert (row["replicates"], row["images"], row["status"]) == (3, 100, "ok")


def test_rows_without_value_or_chance_have_a_reason() -> None:
    (row,) = rows_of_means([replace(ROW, metric="prevalence")])
    assert math.isnan(row["lower"])
    assert row["reason"] == "no interval: it is the same for every draw of images"
    without = replace(ROW, value=None, status="undefined", reason="because", images=0)
    (row,) = rows_of_means([without, replace(without, replicate=1)])
    assert math.isnan(row["value"])
    assert (row["replicates"], row["status"], row["reason"]) == (0, "undefined", "because")


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_replicate_that_failed_is_left_out_and_does_not_mark_the_others_as_failed(
    failed: int,
) -> None:
    replicates = [replace(ROW, replicate=i, value=0.1 * i) for i in range(3)]
    replicates[failed] = replace(
        ROW, replicate=failed, value=None, status="failed", reason="it broke", images=0
    )
    (row,) = rows_of_means(replicates)
    assert row["value"] == pytest.approx(sum(0.1 * i for i in range(3) if i != failed) / 2)
    assert row["replicates"] == 2
    assert (row["status"], row["images"]) == ("ok", 100)
    assert row["reason"].startswith("failed in 1 of 3 replicates: it broke")
