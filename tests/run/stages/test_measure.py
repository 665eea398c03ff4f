"""What the stage `measure` writes and reads: the means over groups, and each prediction once."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.run import measure as measured_images
from benchmarks.run.measure import measure as measure_all
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.schema import read_table
from benchmarks.vocabulary import FINISHED_FOLDER
from tests.run.stages.support import SMALL
from tests.runs import Run, lose_predictions, make_up_predictions, run_of

ROTATED = ("rotated-030", "rotated-045")
CHOSEN = replace(
    SMALL,
    recipes=("standard",),
    methods=("softmax", "mc_dropout"),
    conditions=(*ROTATED, "rotated-120", "ood-uniform_noise"),
    images=80,
)
KEY = ["recipe", "method", "members", "replicate", "score", "metric"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With predictions of calibration images, made up as well."""
    run = run_of(CHOSEN, tmp_path_factory.mktemp("measured"))
    RunRecord.begin(*run)
    make_up_predictions(run)
    store = run.workspace.predictions
    for unit in run.plan.units():
        store.save(unit, "calibration", store.load(unit, "clean"))
    return run


def measured(run: Run) -> pd.DataFrame:
    record = RunRecord.begin(*run)
    assert measure_all(*run, record) == []
    return read_table(run.workspace.out, "measurements.csv")


def test_means_over_groups_are_plain_means_of_each_replicate(run: Run) -> None:
    every = measured(Run(Plan(CHOSEN, all_rows=True), run.workspace))
    singles = every[every["condition"].isin(ROTATED)].groupby(KEY)["value"]
    expected = singles.agg(lambda values: values.mean(skipna=False))
    means = every[every["condition"] == "rotated-mean"].set_index(KEY)
    assert set(means["images"]) == {80}
    assert means["value"].to_dict() == pytest.approx(expected.to_dict(), nan_ok=True)
    # By default rows are left out, and no other is written.
    kept = measured(run)
    assert "rotated-mean" in set(kept["condition"])
    assert len(kept) < len(every) / 2
    both = kept.merge(every, on=[*KEY, "condition"], how="left", suffixes=("", "_of_all"))
    for column in ("value", "images", "status", "reason"):
        pd.testing.assert_series_equal(both[column], both[f"{column}_of_all"], check_names=False)


def test_each_prediction_is_read_once_and_that_of_a_reference_once_a_set(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[tuple[RunUnit, str]] = Counter()
    fitted: list[StoredPrediction | None] = []
    load, fits_to = PredictionStore.load_if_there, measured_images.fits_to

    def counted(store: PredictionStore, unit: RunUnit, condition: str) -> StoredPrediction | None:
        read[unit, condition] += 1
        return load(store, unit, condition)

    def noted(calibration: StoredPrediction | None) -> measured_images.Fits:
        fitted.append(calibration)
        return fits_to(calibration)

    monkeypatch.setattr(PredictionStore, "load_if_there", counted)
    monkeypatch.setattr(measured_images, "fits_to", noted)
    shutil.rmtree(run.workspace.out / FINISHED_FOLDER, ignore_errors=True)
    measured(run)
    units = run.plan.units()
    assert read == {
        (unit, name): 4 if name == "clean" else 1
        for unit in units
        for name in ("clean", "calibration", *CHOSEN.conditions)
    }
    assert len(fitted) == len(units)
    assert None not in fitted


def test_rows_of_a_prediction_that_is_missing_say_so(run: Run, tmp_path: Path) -> None:
    elsewhere = Run(run.plan, replace(run.workspace, out=tmp_path))
    record, gone = RunRecord.begin(*elsewhere), run.plan.units()[0]
    make_up_predictions(elsewhere)
    lose_predictions(tmp_path, "rotated-045", gone.name)
    ((_, reason),) = measure_all(*elsewhere, record)
    assert "predictions are missing" in reason
    table = read_table(tmp_path, "measurements.csv")
    mine = table[(table["method"] == gone.method) & (table["replicate"] == gone.replicate)]
    of_missing = mine[mine["condition"] == "rotated-045"]
    assert set(of_missing["status"]) == {"failed"}
    assert mine.loc[mine["condition"] == "rotated-mean", "value"].isna().all()
    assert "ok" in set(mine.loc[mine["condition"] == "rotated-030", "status"])


def test_rows_without_the_reference_are_those_of_the_method(run: Run, tmp_path: Path) -> None:
    elsewhere = Run(run.plan, replace(run.workspace, out=tmp_path))
    record, gone = RunRecord.begin(*elsewhere), run.plan.units()[0]
    make_up_predictions(elsewhere)
    before = read_measured(elsewhere, record)
    lose_predictions(tmp_path, "clean", gone.name)
    after = read_measured(elsewhere, record)
    key = ["method", "members", "replicate", "condition", "score", "metric"]
    pd.testing.assert_frame_equal(after[key], before[key])
    mine = (after["method"] == gone.method) & (after["replicate"] == gone.replicate)
    reasons = after[mine].groupby("condition")["reason"].first()
    assert reasons["clean"] == "not predicted yet"
    assert reasons["rotated-045"] == "clean, which it is compared with: not predicted yet"


def read_measured(run: Run, record: RunRecord) -> pd.DataFrame:
    measure_all(*run, record)
    return read_table(run.workspace.out, "measurements.csv")
