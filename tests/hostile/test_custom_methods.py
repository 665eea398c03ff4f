"""Custom methods that fail, end their process or change it: nothing else is affected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.predictions import THE_RUN
from benchmarks.run.configuration import Configuration
from benchmarks.run.stages import run_stages
from benchmarks.stored.arrays import read_arrays
from tests.hostile.conftest import DIGITS, run_command
from tests.runs import run_of

METHODS = '''
import os
import random

import numpy as np
import torch

from methods import Prediction, UncertaintyMethod


def change():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(7)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    np.seterr(all="raise")
    os.chdir("/")
    os.environ["OMP_NUM_THREADS"] = "7"


change()


class Changing(UncertaintyMethod):
    """Draws from the global generators, and changes its process."""

    name = "changing"

    def fit(self, images, labels):
        self.drawn = random.random() + np.random.random() + torch.rand(()).item()
        change()
        return self

    def predict(self, images):
        logits = self.drawn + torch.randn(2, len(images), 10)
        change()
        return Prediction.of_logits(logits)


class Raising(Changing):
    name = "raising"

    def predict(self, images):
        raise SystemExit("not today")


class Ending(Changing):
    name = "ending"

    def predict(self, images):
        os._exit(0)
'''

WITHOUT = replace(DIGITS, conditions=("rotated-045",))


def with_methods(folder: Path, *names: str) -> Configuration:
    (folder / "mine.py").write_text(METHODS)
    return replace(WITHOUT, custom_methods=tuple(f"{folder / 'mine.py'}:{name}" for name in names))


def predictions(folder: Path, method: str = "*") -> dict[str, dict[str, bytes]]:
    """The arrays by file, without what names the run, whose methods are not the same."""
    return {
        path.relative_to(folder).as_posix(): {
            name: array.tobytes()
            for name, array in read_arrays(path).items()
            if name != f"source:{THE_RUN}"
        }
        for path in folder.glob(f"out/predictions/*/{method}/**/*.npz")
    }


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What is predicted without custom methods."""
    folder = tmp_path_factory.mktemp("clean")
    for stage in ("train", "predict"):
        assert run_stages(*run_of(WITHOUT, folder), stage) == []
    return predictions(folder)


def test_each_fails_alone_and_changes_nothing_else(
    tmp_path: Path, clean: dict[str, dict[str, bytes]]
) -> None:
    run = run_of(with_methods(tmp_path, "Changing", "Raising", "Ending"), tmp_path)
    before = torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()
    failures = [failure for stage in ("train", "predict") for failure in run_stages(*run, stage)]
    assert (torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()) == before
    assert dict(failures) == {
        "self-trained/raising/replicate-00": "SystemExit: not today",
        "self-trained/ending/replicate-00": (
            "ProcessEndedError: the method ended its process, or it crashed (exit status 0)"
        ),
    }
    found = predictions(tmp_path)
    assert {name for name in found if name not in clean} == set(predictions(tmp_path, "changing"))
    assert clean == {name: arrays for name, arrays in found.items() if name in clean}


@pytest.mark.usefixtures("quick_stages")
def test_method_that_ends_its_process_does_not_decide_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (location,) = with_methods(tmp_path, "Ending").custom_methods
    assert run_command(monkeypatch, tmp_path, "--method", location) == 1
    assert "failed: self-trained/ending/replicate-00: ProcessEndedError" in capsys.readouterr().err
    assert (tmp_path / "out" / "measurements.csv").exists()


def test_numbers_depend_neither_on_jobs_nor_on_what_was_finished(tmp_path: Path) -> None:
    chosen = replace(
        with_methods(tmp_path, "Changing"), methods=(), conditions=("clean",), replicates=2
    )
    found = []
    for jobs in (1, 2):
        run = run_of(chosen, tmp_path / str(jobs), jobs=jobs)
        assert run_stages(*run, "predict") == []
        found.append(predictions(tmp_path / str(jobs)))
    assert found[0] == found[1]
    assert len(found[0]) == 4  # with the images held out
    lost = next((tmp_path / "1").rglob("clean.npz"))
    lost.unlink()
    assert run_stages(*run_of(chosen, tmp_path / "1"), "predict") == []
    assert predictions(tmp_path / "1") == found[0]
