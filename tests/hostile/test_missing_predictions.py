"""A run whose prediction files are missing does not end as if all was well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.predictions import RunUnit
from benchmarks.records import read_table
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.run.stages.support import breaking, custom_method
from tests.runs import run_of

pytestmark = pytest.mark.usefixtures("quick_stages")

UNIT = RunUnit("standard", "softmax", None, 0)


def test_measuring_without_a_prediction_file_fails_in_one_line(
    folder: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = digits_run(folder).workspace.predictions.path(UNIT, "rotated-045")
    path.unlink()
    assert run_command(monkeypatch, folder, "--only", "measure") == 1
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed")]
    assert failed == [
        "failed: measure: 1 prediction files are missing, first: "
        f"{path.relative_to(folder / 'out')}; run without --only to predict them"
    ]
    assert run_command(monkeypatch, folder) == 0
    for name in ("measurements.csv", "summary.csv", "comparisons.csv"):
        written = (folder / "out" / name).read_bytes()
        assert written == (finished / "out" / name).read_bytes(), name


@pytest.mark.parametrize("condition", ["clean", "calibration"])
def test_missing_reference_is_missing_once(condition: str, folder: Path) -> None:
    path = digits_run(folder).workspace.predictions.path(UNIT, condition)
    path.unlink()
    (failure,) = run_stages(*digits_run(folder), "measure")
    assert failure.reason.startswith(
        f"1 prediction files are missing, first: predictions/{UNIT.name}"
    )


def test_all_missing_files_are_counted_in_one_line(folder: Path) -> None:
    for path in (folder / "out" / "predictions").rglob("*.npz"):
        path.unlink()
    (failure,) = run_stages(*digits_run(folder), "measure")
    assert failure.reason.startswith("12 prediction files are missing, first: predictions/")


def test_method_that_failed_is_named_by_measuring_too(tmp_path: Path) -> None:
    location = custom_method(tmp_path / "code", breaking("images.mean() > 0.4"))
    mine = replace(DIGITS, methods=("softmax",), custom_methods=(location,))
    run = run_of(mine, tmp_path)
    (failure,) = run_stages(*run)
    assert failure == ("self-trained/nearest_mean/replicate-00", "RuntimeError: not these")
    assert run_stages(*run, "measure") == [failure]
    table = read_table(tmp_path / "out" / "measurements.csv")
    assert set(table.loc[table["status"] == "failed", "method"]) == {"nearest_mean"}
