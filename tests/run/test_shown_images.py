"""The single images that are shown: which are chosen, and each method's predictions of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmarks.predictions import RunUnit
from benchmarks.run.shown_images import IMAGES_PER_CONDITION
from benchmarks.schema import read_table
from benchmarks.tasks.task import choice
from tests.made_up import make_up
from tests.run.conftest import OF_FEW_IMAGES
from tests.runs import CONDITIONS, Run, run_of

UNITS = {
    "softmax": RunUnit("softmax", None, 1.0, 1),
    "mc_dropout": RunUnit("mc_dropout", 6, 1.0, 0),
    "deep_ensemble": RunUnit("deep_ensemble", 4, 4.0, 0),
}
"""The first replicate of each method that was predicted, of its largest size."""


def table(run: Run) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", "image_votes.csv")


def images_of(run: Run) -> dict[str, NDArray[np.generic]]:
    with np.load(run.workspace.out / "images.npz") as file:
        return dict(file)


def test_of_each_condition_the_images_are_shown_on_which_votes_differ_most(run: Run) -> None:
    images = table(run).drop_duplicates("rank")
    assert set(images["condition"]) == {"clean", "rotated-030", "ood-uniform_noise"}
    for condition, rows in images.groupby("condition"):
        values = list(rows["divergence"])
        assert values == sorted(values, reverse=True), condition
    clean = images[images["condition"] == "clean"]
    chosen = choice(10_000, 70, 0).tolist()
    assert [chosen[index] for index in clean["index"]] == list(clean["number"])


def test_votes_are_those_of_the_prediction_files(run: Run) -> None:
    rows = table(run)
    for row in rows.sample(40, random_state=0).to_dict("records"):
        stored = run.workspace.predictions.load(UNITS[row["method"]], row["condition"])
        i, c, prediction = row["index"], row["class"], stored.prediction
        assert row["vote_share"] == pytest.approx(prediction.vote_share[i, c].item(), abs=5.1e-6)
        assert row["mean_probability"] == pytest.approx(prediction.mean[i, c].item(), abs=5.1e-6)
        label = float("nan") if stored.labels is None else int(stored.labels[i])
        assert row["label"] == pytest.approx(label, nan_ok=True)
    whole = rows.groupby(["rank", "method"])["vote_share"].sum()
    assert whole.to_numpy() == pytest.approx(1, abs=1e-4)


def test_images_shown_have_the_largest_divergence(run: Run) -> None:
    """The generalised divergence, here by way of relative entropies to the mean."""
    load = run.workspace.predictions.load
    shares = np.stack(
        [load(unit, "rotated-030").prediction.vote_share.numpy() for unit in UNITS.values()]
    )
    mean = np.maximum(shares.mean(axis=0), 1e-9)
    ratios = np.log(np.where(shares > 0, shares / mean, 1))
    values = (shares * ratios).sum(axis=2).mean(axis=0)
    rows = table(run)
    shown = rows[rows["condition"] == "rotated-030"].drop_duplicates("rank")
    largest = sorted(values, reverse=True)[:IMAGES_PER_CONDITION]
    assert list(shown["divergence"]) == pytest.approx(largest, abs=1e-5)


def test_images_are_all_that_is_shown_as_it_was_evaluated(run: Run) -> None:
    file = images_of(run)
    written = list(zip(file["condition"].tolist(), file["index"].tolist(), strict=True))
    assert len(set(written)) == len(written)
    rows = table(run)
    first = {(name, 0) for name in file["condition"].tolist()}
    assert {*written} == {*zip(rows["condition"], rows["index"], strict=True)} | first
    for position, (condition, index) in enumerate(written):
        evaluated = run.workspace.evaluation_set(CONDITIONS[condition], run.plan)
        pixels = file["pixels"][position] / 255
        np.testing.assert_allclose(pixels, evaluated.images[index, 0], atol=0.5001 / 255)


def test_set_that_cannot_be_had_is_not_shown(tmp_path: Path) -> None:
    missing = dict.fromkeys(("rotated-030", "ood-uniform_noise"), "asleep")
    make_up(tmp_path, unavailable=missing, **asdict(OF_FEW_IMAGES))
    fewer = run_of(OF_FEW_IMAGES, tmp_path)
    assert set(images_of(fewer)["condition"]) == {"clean", "rotated-120"}
    assert set(table(fewer)["condition"]) == {"clean"}
