"""What the stage `measure` writes: the means over groups, and rows of predictions that are lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.predictions import RunUnit
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import MEASURE
from tests.runs import DIGITS, lose_predictions, run_of

KEY = ["method", "members", "budget", "replicate", "score", "metric"]


def measurements(folder: Path) -> pd.DataFrame:
    return read_table(folder / "out", "measurements.csv")


def test_means_over_groups_are_plain_means_of_each_replicate(
    digits_run: Path, digits_copy: Path
) -> None:
    plan, workspace = run_of(DIGITS, digits_copy)
    assert run_stages(replace(plan, all_rows=True), workspace, MEASURE) == []
    every = measurements(digits_copy)
    severities = every["condition"].isin(("rotated-030", "rotated-045"))
    singles = every[severities].groupby(KEY)["value"]
    expected = singles.agg(lambda values: values.mean(skipna=False))
    means = where(every, condition="rotated-mean").set_index(KEY)
    assert set(means["images"]) == {100}
    assert means["value"].to_dict() == pytest.approx(expected.to_dict(), nan_ok=True)
    # By default rows are left out, and no other is written.
    kept = measurements(digits_run)
    assert "rotated-mean" in set(kept["condition"])
    assert len(kept) < len(every)
    both = kept.merge(every, on=[*KEY, "condition"], how="left", suffixes=("", "_of_all"))
    for column in ("value", "images", "status", "reason"):
        pd.testing.assert_series_equal(both[column], both[f"{column}_of_all"], check_names=False)


def test_rows_of_a_prediction_that_is_missing_say_so(digits_run: Path, digits_copy: Path) -> None:
    """As do those of a prediction whose reference is missing; all others are as they were."""
    gone, alone = (RunUnit("mc_dropout", 5, 1.0, replicate) for replicate in (0, 1))
    lose_predictions(digits_copy / "out", "rotated-045", gone.name)
    lose_predictions(digits_copy / "out", "clean", alone.name)
    ((_, reason),) = run_stages(*run_of(DIGITS, digits_copy), MEASURE)
    assert "predictions are missing" in reason
    before, after = (
        table.set_index([*KEY, "condition"]).sort_index()
        for table in map(measurements, (digits_run, digits_copy))
    )
    assert list(after.index) == list(before.index)
    lost = after.xs(("mc_dropout", "5", 1.0), drop_level=False)
    others = after.drop(lost.index)
    pd.testing.assert_frame_equal(others, before.loc[others.index])
    of_unit = where(measurements(digits_copy), method="mc_dropout", members="5", budget=1.0)
    rows = {
        (replicate, condition): table
        for (replicate, condition), table in of_unit.groupby(["replicate", "condition"])
    }
    assert set(rows[0, "rotated-045"]["status"]) == {"failed"}
    assert rows[0, "rotated-mean"]["value"].isna().all()
    assert "ok" in set(rows[0, "rotated-030"]["status"])
    assert set(rows[1, "clean"]["reason"]) == {"not predicted yet"}
    compared = set(rows[1, "rotated-045"]["reason"])
    assert "clean, which it is compared with: not predicted yet" in compared
