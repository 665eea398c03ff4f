"""What is stored says what it is: a file of something else is computed again, with one line."""

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
from tests.hostile.conftest import DIGITS, digits_run
from tests.runs import run_of

UNIT, OTHER = RunUnit("standard", "mc_dropout", 5, 0), RunUnit("standard", "mc_dropout", 2, 0)

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


def predicted_again(
    folder: Path, finished: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> str:
    """The one line by which a whole run names a file, which alone it predicts again."""
    others = {
        file: file.stat().st_mtime_ns for file in (folder / "out").rglob("predictions/**/*.npz")
    }
    del others[path]
    capsys.readouterr()
    assert run_stages(*digits_run(folder)) == []
    assert path.read_bytes() == (finished / path.relative_to(folder)).read_bytes()
    assert {file: file.stat().st_mtime_ns for file in others} == others
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert str(path) in line
    return line


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize(
    ("unit", "condition", "found"),
    [
        (UNIT, "rotated-045", "standard/mc_dropout-5/replicate-00/rotated-045"),
        (OTHER, "clean", "standard/mc_dropout-2/replicate-00/clean"),
    ],
)
def test_prediction_file_in_the_place_of_another_is_predicted_again(
    unit: RunUnit,
    condition: str,
    found: str,
    folder: Path,
    finished: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = predictions(folder)
    path = store.path(UNIT, "clean")
    shutil.copy(store.path(unit, condition), path)
    why = f"it holds {found}, not standard/mc_dropout-5/replicate-00/clean"
    assert why in refused(folder, path)
    assert why in predicted_again(folder, finished, path, capsys)


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


@pytest.mark.parametrize("change", CHANGES)
def test_changed_prediction_file_is_named(change: Callable[[Arrays], None], folder: Path) -> None:
    path = predictions(folder).path(UNIT, "rotated-045")
    with np.load(path) as file:
        arrays = dict(file)
    seal = arrays.pop(SEAL)
    change(arrays)
    np.savez(path, **arrays, **{SEAL: seal})
    with pytest.raises(UserError, match=rf"its content is not what was written\); {REMEDY}"):
        predictions(folder).load(UNIT, "rotated-045")


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04K\x01."])
def test_file_that_holds_no_arrays_is_predicted_again(
    content: bytes, folder: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = predictions(folder).path(UNIT, "rotated-045")
    path.write_bytes(content)
    refused(folder, path)
    predicted_again(folder, finished, path, capsys)


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
def test_file_without_a_checksum_is_predicted_again(
    folder: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = predictions(folder).path(UNIT, "rotated-045")
    arrays = read_arrays(path)
    rolled(arrays)
    write_arrays(arrays, path)
    assert "it has no checksum" in refused(folder, path)
    assert "it has no checksum" in predicted_again(folder, finished, path, capsys)


@pytest.mark.usefixtures("quick_stages")
def test_prediction_of_another_run_is_named_or_predicted_again(
    folder: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = run_of(replace(DIGITS, seed=1), tmp_path_factory.mktemp("other"))
    assert run_stages(*elsewhere, "predict") == []
    path = predictions(folder).path(UNIT, "clean")
    shutil.copy(elsewhere.workspace.predictions.path(UNIT, "clean"), path)
    assert f"{path} is of another run; {REMEDY}" in refused(folder, path)
    assert run_stages(*digits_run(folder)) == []
    assert path.read_bytes() == predictions(finished).path(UNIT, "clean").read_bytes()


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
