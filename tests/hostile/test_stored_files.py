"""What is stored says what it is: a file of something else is computed again, with one line."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.stages import run_stages
from benchmarks.stored.arrays import read_arrays, write_arrays
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.runs import run_of

UNIT, OTHER = RunUnit("standard", "mc_dropout", 5, 0), RunUnit("standard", "mc_dropout", 2, 0)
SOFTMAX = RunUnit("standard", "softmax", None, 0)

REMEDY = "run without --only to predict it again"


def predictions(folder: Path) -> PredictionStore:
    return digits_run(folder).workspace.predictions


def refused(folder: Path, path: Path) -> str:
    """The one line by which measuring alone names a file, and changes none."""
    before = {file: file.read_bytes() for file in (folder / "out").rglob("*.npz")}
    with pytest.raises(UserError) as error:
        run_stages(*digits_run(folder), "measure")
    assert {file: file.read_bytes() for file in (folder / "out").rglob("*.npz")} == before
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert REMEDY in str(error.value)
    return str(error.value)


def of_another_run(folder: Path) -> bytes:
    run = run_of(replace(DIGITS, methods=("softmax",), seed=1), folder)
    assert run_stages(*run, "predict") == []
    return run.workspace.predictions.path(SOFTMAX, "clean").read_bytes()


def without_checksum(path: Path) -> bytes:
    arrays = read_arrays(path)
    arrays["labels"] = np.roll(arrays["labels"], 1)
    write_arrays(arrays, path)
    return path.read_bytes()


@pytest.mark.usefixtures("quick_stages")
def test_prediction_file_of_something_else_is_named_and_predicted_again(
    folder: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, whole = predictions(folder), predictions(finished)
    lost = store.path(SOFTMAX, "rotated-045")
    contents = {
        store.path(UNIT, "clean"): (
            whole.path(UNIT, "rotated-045").read_bytes(),
            f"it holds {UNIT.name}/rotated-045, not {UNIT.name}/clean",
        ),
        store.path(OTHER, "clean"): (
            whole.path(UNIT, "clean").read_bytes(),
            f"it holds {UNIT.name}/clean, not {OTHER.name}/clean",
        ),
        store.path(UNIT, "rotated-045"): (
            without_checksum(store.path(UNIT, "rotated-045")),
            "it has no checksum",
        ),
        store.path(OTHER, "rotated-045"): (b"PK", ""),
        store.path(SOFTMAX, "clean"): (of_another_run(folder / "other"), "is of another run"),
    }

    def put(path: Path, content: bytes) -> None:
        path.write_bytes(content)

    def put_back(path: Path) -> None:
        put(path, (finished / path.relative_to(folder)).read_bytes())

    for path in contents:
        put_back(path)
    for path, (content, why) in contents.items():
        put(path, content)
        assert why in refused(folder, path)
        put_back(path)
    for path, (content, _) in contents.items():
        put(path, content)
    lost.unlink()
    repaired = {*contents, lost}
    others = {
        path: path.stat().st_mtime_ns
        for path in (folder / "out" / "predictions").rglob("*.npz")
        if path not in repaired
    }
    capsys.readouterr()
    assert run_stages(*digits_run(folder)) == []
    for path in repaired:
        assert path.read_bytes() == (finished / path.relative_to(folder)).read_bytes()
    assert {path: path.stat().st_mtime_ns for path in others} == others
    lines = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    for path, (_, why) in contents.items():
        if path != store.path(SOFTMAX, "clean"):
            (line,) = [line for line in lines if str(path) in line]
            assert why in line


@pytest.mark.usefixtures("quick_stages")
def test_measuring_without_a_prediction_file_fails_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [predictions(folder).path(SOFTMAX, name) for name in ("rotated-045", "clean")]
    for path in paths:
        path.unlink()
    assert run_command(monkeypatch, folder, "--only", "measure") == 1
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed")]
    assert failed == [
        "failed: measure: 2 prediction files are missing, first: "
        f"{paths[1].relative_to(folder / 'out')}; run without --only to predict them"
    ]


@pytest.mark.usefixtures("quick_stages")
def test_network_under_the_name_of_another_is_trained_anew(
    folder: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (folder / "networks").iterdir()
    other = replace(DIGITS, recipes=("plain",), methods=("softmax",))
    assert run_stages(*run_of(other, folder / "elsewhere"), "train") == []
    (foreign,) = (folder / "elsewhere" / "networks").iterdir()
    shutil.copy(foreign, path)
    prediction = predictions(folder).path(UNIT, "clean")
    prediction.unlink()  # so that the network is needed
    capsys.readouterr()
    assert run_stages(*digits_run(folder)) == []
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert line == (
        f"the stored network {path} cannot be used (it holds another network): it is trained anew"
    )
    assert prediction.read_bytes() == predictions(finished).path(UNIT, "clean").read_bytes()
