"""A small run that is repeated, resumed, or run stage by stage."""

from __future__ import annotations

import json
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table
from benchmarks.tasks import TASKS, mnist, shifts
from benchmarks.tasks.mnist import MNIST
from benchmarks.vocabulary import NOUNS_JSON
from methods.scores import SCORES
from tests.run.stages.support import (
    FEW,
    LITTLE,
    prediction_files,
    run_in,
    tables,
)
from tests.runs import forget_images, lose_predictions, predicted_arrays


def test_second_run_trains_nothing_and_writes_the_same_bytes(
    folder: Path, no_training: None
) -> None:
    before = tables(folder)
    assert run_stages(*run_in(folder)) == []
    assert tables(folder) == before


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_measuring_alone_needs_neither_networks_nor_images(
    whole: bool, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of one recipe and two methods takes a tenth of the whole one's time to measure."""
    if whole:
        run = run_in(request.getfixturevalue("folder"))
    else:
        run = run_in(tmp_path, LITTLE)
        assert run_stages(*run) == []
    request.getfixturevalue("no_training")

    def no_images(*_: object, **__: object) -> None:
        raise AssertionError("no image was to be loaded")

    before = tables(tmp_path)
    shutil.rmtree(tmp_path / "networks")
    for name in ("measurements.csv", "summary.csv", "comparisons.csv"):
        (tmp_path / "out" / name).unlink()
    forget_images()
    monkeypatch.setattr(mnist, "load_mnist", no_images)
    monkeypatch.setattr(shifts, "load_out_of_distribution", no_images)
    assert run_stages(*run, "measure") == []
    assert tables(tmp_path) == before


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_one_stage_writes_its_own_files_only(stage: str, tmp_path: Path) -> None:
    assert run_stages(*run_in(tmp_path, FEW), stage) == []
    written = {path.name for path in (tmp_path / "out").glob("[!.]*")}
    of_predicting = {"predictions", "images.npz", "curves"}
    files = {"train": {"training.csv"}, "predict": of_predicting}
    assert written == {"run.json", NOUNS_JSON, *files[stage]}


def test_measuring_before_predicting_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no predictions .* run without --only first"):
        run_stages(*run_in(tmp_path), "measure")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["clean", "rotated-120", "ood-uniform_noise", "calibration"])
def test_lost_prediction_is_predicted_again(
    condition: str, folder: Path, no_training: None
) -> None:
    before = tables(folder)
    contents = {path: path.read_bytes() for path in prediction_files(folder)}
    lose_predictions(folder / "out", condition)
    for path, content in contents.items():
        if path.parent.name != "mc_dropout-4":
            path.write_bytes(content)
    assert {path: path.read_bytes() for path in contents} != contents
    assert run_stages(*run_in(folder)) == []
    assert {path: path.read_bytes() for path in contents} == contents
    assert tables(folder) == before


@pytest.mark.slow
def test_set_that_cannot_be_had_is_left_out_and_recorded(
    finished: Path, tmp_path: Path, no_noise: None
) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    assert run_stages(*run_in(tmp_path)) == []
    for name in ("measurements.csv", "summary.csv", "comparisons.csv"):
        table, whole = (read_table(path / "out", name) for path in (tmp_path, finished))
        others = whole[whole["condition"] != "ood-uniform_noise"].reset_index(drop=True)
        assert len(others) < len(whole)
        if name == "comparisons.csv":  # corrected for fewer comparisons
            table, others = (one.drop(columns="p_holm") for one in (table, others))
        pd.testing.assert_frame_equal(table, others)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["data"]["ood-uniform_noise"] == {"unavailable": "no mirror responds"}


def test_edited_condition_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = tuple(
        replace(one, transform=torch.neg) if one.name == "rotated-045" else one
        for one in MNIST.conditions
    )
    before = tables(folder)
    monkeypatch.setitem(TASKS, "mnist", replace(TASKS["mnist"], conditions=edited))
    with pytest.raises(UserError, match=r"images of 'rotated-045' differ .* with --overwrite"):
        run_stages(*run_in(folder))
    assert tables(folder) == before


ENERGY = """
from benchmarks.metrics.uncertainties import MemberMeans
from benchmarks.metrics.metric import Metric
from methods.scores import Score


def energy(logits):
    return {sign}logits.double().logsumexp(dim=-1).mean(dim=0)


def fit(features, labels):
    return lambda features: {sign}features.norm(dim=1)


NOUN = {noun}
"""

NOUNS = {
    "score:mine": "Score(name='mine', label='', needs=frozenset({'logits'}), of=energy)",
    "score:mine of features": (
        "Score(name='mine', label='', needs=frozenset({'features'}), fit=fit)"
    ),
    "members:mine": "Metric(name='mine', label='', family=MemberMeans, function=energy)",
}


@pytest.mark.parametrize("stored", NOUNS)
def test_values_of_an_edited_noun_are_computed_again(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(FEW, scores="all")
    path, key = tmp_path / "noun.py", stored.split()[0]

    def predict(sign: str) -> tuple[np.ndarray, int]:
        path.write_text(ENERGY.format(sign=sign, noun=NOUNS[stored]))
        noun = runpy.run_path(str(path))["NOUN"]
        monkeypatch.setitem(SCORES if key.startswith("score") else METRICS, "mine", noun)
        assert run_stages(*run_in(tmp_path, few), "predict") == []
        (file,) = prediction_files(tmp_path)
        return predicted_arrays(file, "clean")[key], file.stat().st_mtime_ns

    (before, written), (same, kept), (edited, again) = map(predict, ("", "", "-"))
    np.testing.assert_array_equal(same, before)
    np.testing.assert_array_equal(edited, -before)
    assert written == kept < again
