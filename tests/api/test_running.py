"""A run from Python: its results, what it leaves behind, and the methods in it."""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.api import ArgumentError, load_results, run_benchmark
from tests.runs import DIGITS

TABLES = ("measurements", "summary", "answer")

CHOICES = {
    name: getattr(DIGITS, name)
    for name in (
        *("methods", "recipe", "budgets", "conditions", "members", "passes", "replicates", "pool"),
        *("images", "epochs", "batch_sizes", "engine", "scores"),
    )
}


def random_states() -> tuple[object, ...]:
    numpy_state = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), str(numpy_state), random.getstate()


def test_same_call_continues_a_run_and_gives_what_its_folder_holds(digits_copy: Path) -> None:
    out = digits_copy / "out"
    predicted = {path: path.stat().st_mtime_ns for path in out.rglob("predictions/**/*.npz")}
    results = run_benchmark("digits", out=out, networks=digits_copy / "networks", **CHOICES)
    assert {path: path.stat().st_mtime_ns for path in predicted} == predicted != {}
    assert results.failures == ()
    read = load_results(str(out))
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(results, table), getattr(read, table))
        rows = pd.read_csv(out / f"{table}.csv", keep_default_na=False)
        assert len(getattr(read, table)) == len(rows) > 0
    assert set(results.summary["method"]) == set(DIGITS.methods)
    assert (results.recipe, set(results.summary["budget"])) == (DIGITS.recipe, {*DIGITS.budgets})
    assert {"clean", "ood-uniform_noise", "rotated-030"} < set(results.summary["condition"])
    assert repr(results).startswith("BenchmarkResults(")


def test_nothing_is_printed_written_or_left_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (here := tmp_path / "here").mkdir()
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = random_states()
    few = {"methods": "softmax", "budgets": 1, "replicates": 1, "pool": 1}
    trained = run_benchmark("digits", stages=["train"], jobs=1, **(CHOICES | few))
    assert random_states() == before
    assert capfd.readouterr() == ("", "")
    assert [*here.iterdir(), *temporary.iterdir()] == []
    assert not (tmp_path / "cache").exists()
    for table in TABLES:
        with pytest.raises(ArgumentError, match=r"nothing was measured.*stages train, predict"):
            getattr(trained, table)
    with pytest.raises(ArgumentError, match="nothing was measured"):
        trained.plot("worth")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"methods": ["magic"]}, "methods: unknown name 'magic'; choose from softmax"),
        ({"stages": []}, "stages: nothing is chosen; choose from train"),
        ({"recipe": "plain"}, "recipe: .* has no 'plain'.*; choose from well-trained"),
        ({"budgets": 0}, "budgets: 0 is out of range"),
        ({"jobs": 0}, "jobs: 0 is too small"),
        ({"epochs": 1.5}, r"epochs: 1\.5 is not a whole number"),
        ({"members": [True]}, "members: True is not a whole number"),
        ({"data_dir": "nowhere"}, "data_dir nowhere: there is no such folder"),
        ({"custom_methods": "mine.py"}, "custom_methods mine.py"),
    ],
)
def test_wrong_argument_is_named_in_one_line(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{message}") as raised:
        run_benchmark(**{"task": "digits", **wrong})
    assert not re.search("\n|--", str(raised.value))
    with pytest.raises(TypeError, match=r"unknown argument 'epoch'; choices are .*epochs"):
        run_benchmark("digits", epoch=1)


def test_code_that_overwriting_would_remove_is_refused(digits_copy: Path) -> None:
    out = digits_copy / "out"
    mine = out / "mine.py"
    mine.write_text("")
    with pytest.raises(ArgumentError, match=r"^custom_methods .*mine\.py: this lies in the folder"):
        run_benchmark("digits", custom_methods=f"{mine}:Mine", out=out, overwrite=True)
    assert mine.exists()


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="there is no such folder"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="there are no results in"):
        load_results(tmp_path)


def test_measurements_that_a_folder_does_not_keep_are_an_error(made_up_copy: Path) -> None:
    (made_up_copy / "measurements.csv").unlink()
    kept = load_results(made_up_copy)
    assert len(kept.summary)
    with pytest.raises(ArgumentError, match=r"has no measurements\.csv, which [^\n]+ make the run"):
        _ = kept.measurements
