"""Custom methods that fail, end their process or change it: nothing else is affected."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
import torch

from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table
from tests.hostile.conftest import DIGITS, run_command
from tests.runs import predicted_arrays, run_of

METHODS = '''
import os
import random

import numpy as np
import torch

from methods import Prediction, UncertaintyMethod


def change():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
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


def predictions(folder: Path, method: str = "*") -> dict[str, dict[str, bytes]]:
    """The arrays by file, without ``about``: it names the run, whose methods are not the same."""
    return {
        f"{path.relative_to(folder).as_posix()}/{condition}": {
            name: array.tobytes()
            for name, array in predicted_arrays(path, condition.stem).items()
            if name != "about"
        }
        for path in folder.glob(f"out/predictions/*/{method}/*.zip")
        for condition in map(Path, ZipFile(path).namelist())
    }


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_each_fails_alone_and_changes_nothing_else(
    jobs: str,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine.py").write_text(METHODS)
    location = f"{tmp_path / 'mine.py'}:"
    chosen = [
        word for name in ("Changing", "Raising", "Ending") for word in ("--method", location + name)
    ]
    shutil.copytree(finished / "networks", tmp_path / "networks")
    before = torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()
    assert run_command(monkeypatch, tmp_path, "--jobs", jobs, *chosen) == 1
    assert (torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()) == before
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed")]
    assert sorted(failed) == [
        "failed: self-trained/ending/replicate-00: ProcessEndedError: the method ended its "
        "process, or it crashed (exit status 0)",
        "failed: self-trained/raising/replicate-00: SystemExit: not today",
    ]
    mine, suites = predictions(tmp_path, "changing"), predictions(finished)
    assert len(mine) == len(DIGITS.conditions) + 1  # with the images held out
    assert predictions(tmp_path) == mine | suites
    errors = [path.read_text() for path in (tmp_path / "out" / "errors").iterdir()]
    assert len(errors) == 2
    assert all("Traceback" in text for text in errors)
    table, whole = (read_table(path / "out", "measurements.csv") for path in (tmp_path, finished))
    raising = table[table["method"] == "raising"]
    assert set(raising["status"]) == {"failed"}
    assert set(raising["reason"]) == {"SystemExit: not today"}
    assert set(raising["condition"]) == {*DIGITS.conditions, "rotated-mean"}
    suites_rows = table[table["recipe"] == "standard"].reset_index(drop=True)
    pd.testing.assert_frame_equal(suites_rows, whole)
    # Numbers depend neither on what else is run, nor on jobs, nor on the conditions before.
    alone = replace(DIGITS, methods=(), custom_methods=(location + "Changing",))
    run = run_of(replace(alone, conditions=("rotated-045",)), tmp_path / "alone")
    assert run_stages(*run, "predict") == []
    found = predictions(tmp_path / "alone")
    assert len(found) == 3
    assert found == {name: mine[name] for name in found}
