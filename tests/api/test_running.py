"""A run from Python: its results, what it leaves behind, and the methods in it."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.api import ArgumentError, load_results, run_benchmark
from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.tasks import TASKS
from methods import MCDropout
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool
from tests.api.conftest import CHOICES, Kept

TABLES = ("measurements", "summary", "comparisons", "worth")


def random_states() -> tuple[object, ...]:
    of_numpy = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), str(of_numpy), random.getstate()


@pytest.mark.parametrize("table", TABLES)
def test_run_gives_what_its_folder_holds(table: str, kept: Kept) -> None:
    read = getattr(load_results(str(kept.folder)), table)
    pd.testing.assert_frame_equal(getattr(kept.results, table), read)
    files = kept.folder.glob(f"*{table}.csv")  # further scores have a file of their own
    assert len(read) == sum(len(pd.read_csv(file, keep_default_na=False)) for file in files) > 0


def test_run_has_the_chosen_methods_and_conditions(kept: Kept) -> None:
    summary = kept.results.summary
    assert set(summary["method"]) == {"softmax", "mc_dropout", "deep_ensemble"}
    angles = {"rotated-015", "rotated-030", "rotated-045"}
    assert {"clean", "ood-uniform_noise", *angles} < set(summary["condition"])
    assert set(kept.results.measurements["replicate"]) == {0, 1}
    assert kept.results.failures == ()
    assert repr(kept.results).startswith("BenchmarkResults(4 methods and sizes, 5 conditions")


def test_nothing_is_printed_written_or_left_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (here := tmp_path / "here").mkdir()
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = random_states()
    trained = run_benchmark("digits", stages=["train"], **CHOICES)
    assert random_states() == before
    assert capfd.readouterr() == ("", "")
    assert [*here.iterdir(), *temporary.iterdir()] == []
    assert not (tmp_path / "cache").exists()
    for table in TABLES:
        with pytest.raises(ArgumentError, match=r"nothing was measured.*stages train, predict"):
            getattr(trained, table)
    with pytest.raises(ArgumentError, match="nothing was measured"):
        trained.plot("worth")


def test_method_is_the_same_class_as_in_the_run(kept: Kept) -> None:
    task = TASKS["digits"]
    training, test = (task.split(split, None) for split in ("training", "test"))
    recipe = replace(task.recipe("standard"), epochs=1)
    unit = RunUnit("standard", "mc_dropout", 5, 0)
    in_run = PredictionStore(kept.folder / "predictions").load(unit, "clean")
    assert in_run is not None
    distances = {}
    for seed in (0, 1):
        pool = NetworkPool(recipe, seed=seed, engine=choose_engine("torch"))
        method = MCDropout(seed=seed, pool=pool, passes=5)
        alone = method.fit(training.images, training.labels).predict(test.images)
        # The run evaluates some of the test images.
        distance = torch.cdist(in_run.prediction.mean.double(), alone.mean)
        distances[seed] = distance.amin(dim=1).max().item()
    assert len(in_run.prediction.mean) == 100
    assert distances[0] < 1e-5 < 1e-3 < distances[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "letters"}, "task: unknown name 'letters'; choose from .*digits"),
        ({"methods": ["magic"]}, "methods: unknown name 'magic'; choose from softmax"),
        ({"conditions": []}, "conditions: nothing is chosen"),
        ({"preset": "slow"}, "preset: unknown name 'slow'; choose from quick"),
        ({"stages": ["rest"]}, "stages: unknown name 'rest'; choose from train"),
        ({"stages": []}, "stages: nothing is chosen; choose from train"),
        ({"device": "gpu"}, "device: unknown name 'gpu'; choose from auto, cpu, cuda"),
        ({"scores": "none"}, "scores: unknown name 'none'; choose from all"),
        ({"resamples": 2}, "resamples: 2 is too small"),
        ({"jobs": 0}, "jobs: 0 is too small"),
        ({"data_dir": "nowhere"}, "data_dir nowhere: there is no such folder"),
        ({"custom_methods": "mine.py"}, "custom_methods mine.py"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_wrong_argument_is_named_in_one_line(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}") as raised:
        run_benchmark(**{"task": "digits", **wrong})
    assert isinstance(raised.value, ArgumentError)
    assert "\n" not in str(raised.value)
    assert "--" not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epoch": 1}, "run_benchmark: unknown argument 'epoch'; further choices are .*epochs"),
        ({"epochs": True}, "epochs: True is a bool; expected a whole number"),
        ({"members": [1, "2"]}, "members: '2' is a str; expected a whole number"),
        ({"jobs": "2"}, "jobs: '2' is a str; expected a whole number"),
        ({"conditions": 3}, "conditions: 3 is a int; expected a name"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_argument_of_another_type_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        run_benchmark("digits", **wrong)


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="there is no such folder"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="there are no results in"):
        load_results(tmp_path)
