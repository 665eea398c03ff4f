"""What is stored says what it is: a file of something else is computed again, with one line."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.runs import lose_predictions, run_of

UNIT, OTHER = RunUnit("standard", "mc_dropout", 5, 0), RunUnit("standard", "mc_dropout", 2, 0)
SOFTMAX = RunUnit("standard", "softmax", None, 0)

AGAIN = "; the stage predict computes it again"


def predictions(folder: Path) -> PredictionStore:
    return digits_run(folder).workspace.predictions


def refused(folder: Path, path: Path) -> str:
    """The one line by which measuring alone names a file, and changes none."""
    before = {file: file.read_bytes() for file in (folder / "out").rglob("*.zip")}
    with pytest.raises(UserError) as error:
        run_stages(*digits_run(folder), "measure")
    assert {file: file.read_bytes() for file in (folder / "out").rglob("*.zip")} == before
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(AGAIN)
    return str(error.value)


def of_another_run(folder: Path) -> bytes:
    run = run_of(replace(DIGITS, methods=("softmax",), seed=1), folder)
    assert run_stages(*run, "predict") == []
    return run.workspace.predictions.path(SOFTMAX).read_bytes()


def with_another_byte(content: bytes) -> bytes:
    return content[:2000] + bytes([content[2000] ^ 1]) + content[2001:]


@pytest.mark.usefixtures("quick_stages")
def test_prediction_file_of_something_else_is_named_and_predicted_again(
    folder: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = predictions(folder)
    first, second, third = map(store.path, (UNIT, OTHER, SOFTMAX))
    whole = {path: path.read_bytes() for path in (first, second, third)}
    contents = {
        first: (with_another_byte(whole[first]), "Bad CRC-32 for file"),
        second: (whole[first], "it is not whole, or that of another run unit"),
        third: (of_another_run(folder / "other"), "is of another run"),
    }
    for path, (content, why) in contents.items():
        path.write_bytes(content)
        assert why in refused(folder, path)
        path.write_bytes(whole[path])
    for path, (content, _) in contents.items():
        path.write_bytes(content)
    capsys.readouterr()
    assert run_stages(*digits_run(folder)) == []
    assert {path: path.read_bytes() for path in whole} == whole
    lines = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert len(lines) == 2
    for path in (first, second):
        (line,) = [line for line in lines if str(path) in line]
        assert contents[path][1] in line


@pytest.mark.usefixtures("quick_stages")
def test_measuring_without_predictions_fails_in_one_line(
    folder: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("rotated-045", "clean"):
        lose_predictions(folder / "out", name)
    for unit in (UNIT, OTHER):
        shutil.copy(predictions(finished).path(unit), predictions(folder).path(unit))
    assert run_command(monkeypatch, folder, "--only", "measure") == 1
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed")]
    assert failed == [
        f"failed: measure: 2 predictions are missing, first: {SOFTMAX.name}/clean; run without "
        "--only to compute them"
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
    prediction = predictions(folder).path(UNIT)
    prediction.unlink()  # so that the network is needed
    capsys.readouterr()
    assert run_stages(*digits_run(folder)) == []
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert line == (
        f"the stored network {path} cannot be used (it holds another network): it is trained anew"
    )
    assert prediction.read_bytes() == predictions(finished).path(UNIT).read_bytes()
