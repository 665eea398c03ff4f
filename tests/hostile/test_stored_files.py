"""What is stored says what it is: a file of something else is named, and never used."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.stages import run_stages
from benchmarks.stored.arrays import SEAL, Arrays, read_arrays, write_arrays
from methods.networks.store import DamagedNetworkError
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.runs import run_of

UNIT, OTHER = RunUnit("standard", "mc_dropout", 5, 0), RunUnit("standard", "mc_dropout", 2, 0)

REMEDY = "delete it and run again: only this file is then predicted again"


def predictions(folder: Path) -> PredictionStore:
    return digits_run(folder).workspace.predictions


def refused(folder: Path, path: Path, only: str | None = None) -> str:
    """The one line by which a run names a file, and changes none."""
    before = {file: file.read_bytes() for file in (folder / "out").rglob("*.npz")}
    with pytest.raises((UserError, DamagedNetworkError)) as error:
        run_stages(*digits_run(folder), only)
    assert {file: file.read_bytes() for file in (folder / "out").rglob("*.npz")} == before
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("only", ["predict", "measure"])
@pytest.mark.parametrize(
    ("unit", "condition", "found"),
    [
        (UNIT, "rotated-045", "standard/mc_dropout-5/replicate-00/rotated-045"),
        (OTHER, "clean", "standard/mc_dropout-2/replicate-00/clean"),
    ],
)
def test_prediction_file_in_the_place_of_another_is_named(
    unit: RunUnit, condition: str, found: str, only: str, folder: Path
) -> None:
    store = predictions(folder)
    path = store.path(UNIT, "clean")
    shutil.copy(store.path(unit, condition), path)
    message = refused(folder, path, only)
    assert f"it holds {found}, not standard/mc_dropout-5/replicate-00/clean" in message
    assert REMEDY in message


def rolled(arrays: Arrays) -> None:
    arrays["labels"] = np.roll(arrays["labels"], 1)


def with_nan(arrays: Arrays) -> None:
    arrays["mean"][3] = np.nan


def of_100_rows(arrays: Arrays) -> None:
    for name, array in arrays.items():
        if array.ndim:
            arrays[name] = array[:50]


def of_another_kind(arrays: Arrays) -> None:
    arrays["votes"] = arrays["votes"].astype(np.int64)


def renamed(arrays: Arrays) -> None:
    arrays["score:energy2"] = arrays.pop("score:energy", arrays["expected_entropy"])


CHANGES = [rolled, with_nan, of_100_rows, of_another_kind, renamed]


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("change", CHANGES)
def test_changed_prediction_file_is_named(change: Callable[[Arrays], None], folder: Path) -> None:
    path = predictions(folder).path(UNIT, "rotated-045")
    with np.load(path) as file:
        arrays = dict(file)
    seal = arrays.pop(SEAL)
    change(arrays)
    np.savez(path, **arrays, **{SEAL: seal})
    for only in ("predict", "measure"):
        message = refused(folder, path, only)
        assert "its content is not what was written" in message
        assert REMEDY in message


def without_rows(arrays: Arrays) -> None:
    for name in ("mean", "votes"):
        arrays[name] = arrays[name][:0]


def with_labels(labels: object) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays["labels"] = np.array(labels)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_nan, "the rows of mean are not from 0, with a sum of 1"),
        (of_100_rows, "it is of 50 images; expected 100"),
        (without_rows, r"mean is (0, 10); expected (images, classes)"),
        (with_labels([10] * 100), "labels are not from 0 to 9"),
        (with_labels([-1] * 100), "labels are not from 0 to 9"),
        (with_labels([1] * 99), r"labels is (99,); expected (100,)"),
        (with_labels([0.5] * 100), "labels is of the type float64"),
        (lambda arrays: arrays["votes"].fill(1), "the rows of votes are not from 0, with a sum"),
        (lambda arrays: arrays["mean"].fill(0), "the rows of mean are not"),
        (lambda arrays: arrays.update(mean=arrays["mean"] - 0.1), "the rows of mean are not"),
        (lambda arrays: arrays.update(mean=arrays["mean"][:, :9]), "the rows of mean are not"),
        (lambda arrays: arrays.update(mean=arrays["mean"].astype(str)), "mean is of the type <U"),
        (lambda arrays: arrays.pop("votes"), "it has no 'vote_share'"),
        (lambda arrays: arrays["expected_entropy"].fill(np.inf), "expected_entropy is not finite"),
        (lambda arrays: arrays.update(members=np.array(-1)), "members is -1"),
        (lambda arrays: arrays.update(members=np.array([5])), r"members is (1,); expected ()"),
        (lambda arrays: arrays.update({"score:mine": np.ones(7)}), "score:mine is (7,); expected"),
        (lambda arrays: arrays.update({"source:mine": np.ones(7)}), "source:mine is of the type"),
    ],
)
def test_file_of_sound_checksum_and_impossible_content_is_named(
    change: Callable[[Arrays], object], message: str, folder: Path
) -> None:
    """As a fault of the suite, or a program that means well, would write it."""
    path = predictions(folder).path(UNIT, "clean")
    arrays = read_arrays(path)
    change(arrays)
    write_arrays(arrays, path, sealed=True)
    with pytest.raises(UserError, match=rf"{path} cannot be used \({re.escape(message)}"):
        predictions(folder).load_if_there(UNIT, "clean", images=100)


@pytest.mark.usefixtures("quick_stages")
def test_file_of_an_earlier_version_counts_for_nothing(folder: Path, finished: Path) -> None:
    path = predictions(folder).path(UNIT, "rotated-045")
    arrays = read_arrays(path)
    rolled(arrays)
    write_arrays(arrays, path)
    (failure,) = run_stages(*digits_run(folder), "measure")
    assert "1 prediction files are missing, first: predictions/standard/mc_dropout-5" in str(
        failure
    )
    assert run_stages(*digits_run(folder)) == []
    assert path.read_bytes() == predictions(finished).path(UNIT, "rotated-045").read_bytes()


@pytest.mark.usefixtures("quick_stages")
def test_prediction_of_another_run_is_named_or_predicted_again(
    folder: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = run_of(replace(DIGITS, seed=1), tmp_path_factory.mktemp("other"))
    assert run_stages(*elsewhere, "predict") == []
    path = predictions(folder).path(UNIT, "clean")
    shutil.copy(elsewhere.workspace.predictions.path(UNIT, "clean"), path)
    assert f"{path} is of another run; {REMEDY}" in refused(folder, path, "measure")
    assert run_stages(*digits_run(folder)) == []
    assert path.read_bytes() == predictions(finished).path(UNIT, "clean").read_bytes()


@pytest.mark.usefixtures("quick_stages")
def test_named_file_is_all_that_is_predicted_again(folder: Path, finished: Path) -> None:
    store = predictions(folder)
    path = store.path(UNIT, "clean")
    shutil.copy(store.path(UNIT, "rotated-045"), path)
    refused(folder, path)
    path.unlink()
    others = {file: file.stat().st_mtime_ns for file in store.folder.rglob("*.npz")}
    assert run_stages(*digits_run(folder)) == []
    assert path.read_bytes() == predictions(finished).path(UNIT, "clean").read_bytes()
    assert {file: file.stat().st_mtime_ns for file in others} == others


@pytest.mark.usefixtures("quick_stages")
def test_network_under_the_name_of_another_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (folder / "networks").iterdir()
    other = replace(DIGITS, recipes=("plain",), methods=("softmax",))
    assert run_stages(*run_of(other, folder / "elsewhere"), "train") == []
    (foreign,) = (folder / "elsewhere" / "networks").iterdir()
    shutil.copy(foreign, path)
    predictions(folder).path(UNIT, "clean").unlink()  # so that the network is needed
    message = refused(folder, path)
    assert "it holds another network" in message
    assert "delete the file and run again: that one network is then trained anew" in message
    assert run_command(monkeypatch, folder) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line == f"error: {message}"
