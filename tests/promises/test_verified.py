"""4. What is stored says what it is: a file of something else is computed again, with one line.

Of data sets, which are verified by checksum, `tests/data/test_files.py` tells the same.
"""

from __future__ import annotations

import re
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.predictions import PoolNetwork, RunUnit
from benchmarks.run.stages import run_stages
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import MEASURE, PREDICT
from methods.scores import SCORES
from tests.runs import (
    DIGITS,
    forget_images,
    network_file,
    numbers,
    predicted_arrays,
    run_of,
)

NETWORK = PoolNetwork("well-trained", 0)
DROPOUT, OTHER = (RunUnit("mc_dropout", passes, 1.0, 0) for passes in (5, 2))
FEW = replace(DIGITS, budgets=(1.0,), methods=("softmax",), conditions=(), replicates=1)

AGAIN = "( and is removed; run|; the stage predict computes it) again"


def of_another_run(folder: Path) -> bytes:
    run = run_of(replace(FEW, seed=1, pool=1), folder)
    assert run_stages(*run, PREDICT) == []
    return run.workspace.predictions.path(NETWORK, "clean").read_bytes()


def with_another_byte(content: bytes) -> bytes:
    return content[:2000] + bytes([content[2000] ^ 1]) + content[2001:]


def test_prediction_file_of_something_else_is_named_and_predicted_again(
    digits_copy: Path,
) -> None:
    run = run_of(DIGITS, digits_copy)
    owners = (DROPOUT, OTHER, NETWORK)
    first, second, third = (run.workspace.predictions.path(each, "clean") for each in owners)
    whole = numbers(digits_copy / "out")
    contents = {
        first: (with_another_byte(first.read_bytes()), "Bad CRC-32 for file"),
        second: (first.read_bytes(), "it is not whole, or that of another run unit"),
        third: (of_another_run(digits_copy / "other"), "is of another run"),
    }
    for path, (content, why) in contents.items():
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            run_stages(*run, MEASURE)
        assert re.fullmatch(rf"[^\n]*{path}[^\n]*{why}[^\n]*{AGAIN}[^\n]*", str(error.value))
        assert path.exists() == (path == third)
        path.write_bytes(before)
    for path in contents:
        path.unlink() if path == first else path.write_bytes(contents[path][0])
    assert run_stages(*run, PREDICT) == []
    assert numbers(digits_copy / "out") == whole


def test_network_under_the_name_of_another_is_trained_anew(
    digits_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(DIGITS, digits_copy)
    path, foreign = (network_file(run, one) for one in (NETWORK, NETWORK._replace(number=1)))
    before = numbers(digits_copy / "out")
    shutil.copy(foreign, path)
    run.workspace.predictions.path(NETWORK, "clean").unlink()  # so that the network is needed
    capsys.readouterr()
    assert run_stages(*run, PREDICT) == []
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert line == (
        f"the stored network {path} cannot be used (it holds another network): it is trained anew"
    )
    assert numbers(digits_copy / "out") == before


def test_edited_condition_is_refused(digits_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Conditions are the same to what remembers their images, whatever their functions do.
    forget_images()
    task = TASKS["digits"]
    edited = tuple(
        replace(condition, transform=torch.neg) if condition.name == "rotated-045" else condition
        for condition in task.conditions
    )
    before = numbers(digits_copy / "out")
    monkeypatch.setitem(TASKS, "digits", replace(task, conditions=edited))
    with pytest.raises(UserError, match=r"images of 'rotated-045' differ .* with --overwrite"):
        run_stages(*run_of(DIGITS, digits_copy))
    forget_images()
    assert numbers(digits_copy / "out") == before


NOUN = """
from methods.scores import Score


def fit(features, labels):
    return lambda features: {sign}features.norm(dim=1)


NOUN = Score(name="mine", label="", needs=frozenset({{"features"}}), fit=fit)
"""


def test_values_of_an_edited_noun_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(replace(FEW, pool=1), tmp_path)
    file = run.workspace.predictions.path(NETWORK, "clean")

    def predict(sign: str) -> tuple[np.ndarray, int]:
        (tmp_path / "noun.py").write_text(NOUN.format(sign=sign))
        monkeypatch.setitem(SCORES, "mine", runpy.run_path(str(tmp_path / "noun.py"))["NOUN"])
        assert run_stages(*run, PREDICT) == []
        return predicted_arrays(file)["score:mine"], file.stat().st_mtime_ns

    (before, written), (same, kept), (edited, again) = map(predict, ("", "", "-"))
    np.testing.assert_array_equal(same, before)
    np.testing.assert_array_equal(edited, -before)
    assert written == kept < again
