"""2. Numbers do not depend on the number of jobs, threads or workers, nor on what else is run.

Of workers, `tests/cluster` tells the same.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.predictions import PoolNetwork
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import PREDICT
from methods.determinism import torch_threads
from tests.runs import DIGITS, DIGITS_AND_MEANS, compute, predicted_arrays, run_of

FEW = replace(DIGITS, budgets=(1.0,), methods=("softmax", "mc_dropout"), replicates=1)


def test_two_jobs_give_the_tables_of_one(digits_run: Path, tmp_path: Path) -> None:
    assert compute(run_of(DIGITS, tmp_path, jobs=2)) == []
    names = [f"{name}.csv" for name in ("training", "measurements", "summary", "answer")]
    kept = [path.relative_to(digits_run / "out") for path in digits_run.glob("out/influences/*")]
    for name in (*names, *kept, "images.npz"):
        assert (tmp_path / "out" / name).read_bytes() == (digits_run / "out" / name).read_bytes()


def test_predictions_of_few_methods_by_two_threads_are_those_of_the_whole_run(
    digits_run: Path, tmp_path: Path
) -> None:
    """Of networks that are trained for them, and of fewer passes."""
    with torch_threads(2):
        assert run_stages(*run_of(replace(FEW, passes=(2,), pool=1), tmp_path), PREDICT) == []
    paths = list((tmp_path / "out" / "predictions").rglob("*.npz"))
    assert len({path.parent for path in paths}) == 3
    for path in paths:
        assert path.read_bytes() == (digits_run / path.relative_to(tmp_path)).read_bytes()


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


class Ending(Changing):
    name = "ending"

    def predict(self, images):
        os._exit(0)
'''


def predictions(folder: Path, file: str) -> dict[str, dict[str, bytes]]:
    """The arrays by file, without ``about``: it names the run, whose methods are not the same."""
    return {
        path.relative_to(folder).as_posix(): {
            name: array.tobytes()
            for name, array in predicted_arrays(path).items()
            if name != "about"
        }
        for path in folder.glob(f"out/predictions/{file}/*.npz")
    }


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_custom_methods_that_fail_or_change_their_process_change_nothing_else(
    jobs: int, digits_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(METHODS)
    custom = tuple(f"{tmp_path / 'mine.py'}:{name}" for name in ("Changing", "Ending"))
    shutil.copytree(digits_run / "networks", tmp_path / "networks")
    before = torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()
    failures = compute(run_of(replace(FEW, custom_methods=custom), tmp_path, jobs=jobs))
    assert (torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()) == before
    ended = "ProcessEndedError: the method ended its process, or it crashed (exit status 0)"
    assert set(failures) == {("ending/budget-1/replicate-00", ended)}
    (error,) = (tmp_path / "out" / "errors").iterdir()
    assert "Traceback" in error.read_text()
    mine = predictions(tmp_path, "changing/budget-1/replicate-00")
    assert len(mine) == len(DIGITS.conditions) + 1  # with the images held out
    for file in (PoolNetwork("well-trained", 0).name, "mc_dropout-5/budget-1/replicate-00"):
        assert predictions(tmp_path, file) == predictions(digits_run, file) != {}
    table, whole = (read_table(path / "out", "measurements.csv") for path in (tmp_path, digits_run))
    failed = where(table, method="ending")
    assert set(failed["status"]) == {"failed"}
    assert set(failed["reason"]) == {ended}
    assert set(failed["condition"]) == {*DIGITS_AND_MEANS}
    rows = [
        where(one, method="softmax", budget=1.0, replicate=0).reset_index(drop=True)
        for one in (table, whole)
    ]
    pd.testing.assert_frame_equal(*rows)
    # Nor do those of a custom method depend on others, or on the conditions before.
    alone = replace(FEW, methods=(), custom_methods=custom[:1], conditions=("rotated-045",))
    assert run_stages(*run_of(alone, tmp_path / "alone"), PREDICT) == []
    again = predictions(tmp_path / "alone", "*/*/*")
    assert len(again) == 3
    assert again == {name: mine[name] for name in again}
