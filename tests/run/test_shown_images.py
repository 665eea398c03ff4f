"""The single images that are shown: which are chosen, and each method's predictions of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.predictions import RunUnit
from benchmarks.run.shown_images import Ranked, highest
from benchmarks.schema import read_table
from benchmarks.tasks.task import Condition, choice
from tests.made_up import make_up
from tests.run.conftest import OF_FEW_IMAGES
from tests.runs import CONDITIONS, Run, run_of

UNITS = {
    "softmax": RunUnit("softmax", None, 1.0, 1),
    "mc_dropout": RunUnit("mc_dropout", 6, 1.0, 0),
    "deep_ensemble": RunUnit("deep_ensemble", 4, 4.0, 0),
}
"""The first replicate of each method that was predicted, of its largest size."""


def table(run: Run, name: str) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", f"{name}.csv")


def images_of(run: Run) -> dict[str, NDArray[np.generic]]:
    with np.load(run.workspace.out / "images.npz") as file:
        return dict(file)


def test_of_each_condition_the_images_are_shown_on_which_votes_differ_most(run: Run) -> None:
    images = table(run, "image_votes").drop_duplicates("rank")
    assert set(images["condition"]) == {"clean", "rotated-030", "ood-uniform_noise"}
    for condition, rows in images.groupby("condition"):
        values = list(rows["divergence"])
        assert values == sorted(values, reverse=True), condition
    clean = images[images["condition"] == "clean"]
    chosen = choice(10_000, 70, 0).tolist()
    assert [chosen[index] for index in clean["index"]] == list(clean["number"])


def test_votes_are_those_of_the_prediction_files(run: Run) -> None:
    rows = table(run, "image_votes")
    for row in rows.sample(40, random_state=0).to_dict("records"):
        stored = run.workspace.predictions.load(UNITS[row["method"]], row["condition"])
        i, c, prediction = row["index"], row["class"], stored.prediction
        assert row["vote_share"] == pytest.approx(prediction.vote_share[i, c].item(), abs=5.1e-6)
        assert row["mean_probability"] == pytest.approx(prediction.mean[i, c].item(), abs=5.1e-6)
        label = float("nan") if stored.labels is None else int(stored.labels[i])
        assert row["label"] == pytest.approx(label, nan_ok=True)
    whole = rows.groupby(["rank", "method"])["vote_share"].sum()
    assert whole.to_numpy() == pytest.approx(1, abs=1e-4)


def test_high_disagreement_images_have_the_largest_divergence(run: Run) -> None:
    """The generalised divergence, here by way of relative entropies to the mean."""
    largest = np.zeros(70)
    for condition in ("clean", "rotated-030"):  # beyond 90 degrees, labels are ill-defined
        load = run.workspace.predictions.load
        shares = np.stack(
            [load(unit, condition).prediction.vote_share.numpy() for unit in UNITS.values()]
        )
        mean = np.maximum(shares.mean(axis=0), 1e-9)
        ratios = np.log(np.where(shares > 0, shares / mean, 1))
        largest = np.maximum(largest, (shares * ratios).sum(axis=2).mean(axis=0))
    drawn = table(run, "high_disagreement").drop_duplicates("rank")
    assert list(drawn["divergence"]) == pytest.approx(sorted(largest)[:-13:-1], abs=1e-5)
    assert drawn["index"].is_unique


def test_images_are_all_that_is_shown_as_it_was_evaluated(run: Run) -> None:
    file = images_of(run)
    written = list(zip(file["condition"].tolist(), file["index"].tolist(), strict=True))
    assert len(set(written)) == len(written)
    for name in ("image_votes", "high_disagreement"):
        rows = table(run, name)
        assert set(zip(rows["condition"], rows["index"], strict=True)) <= set(written)
    for position, (condition, index) in enumerate(written):
        evaluated = run.workspace.evaluation_set(CONDITIONS[condition], run.plan)
        pixels = file["pixels"][position] / 255
        np.testing.assert_allclose(pixels, evaluated.images[index, 0], atol=0.5001 / 255)
        label = -1 if evaluated.labels is None else int(evaluated.labels[index])
        assert file["label"][position] == label
    assert set(file["label"][file["condition"] == "clean"]) == set(range(10))


def test_set_that_cannot_be_had_is_not_shown(tmp_path: Path) -> None:
    missing = dict.fromkeys(("rotated-030", "ood-uniform_noise"), "asleep")
    make_up(tmp_path, unavailable=missing, **vars(OF_FEW_IMAGES))
    fewer = run_of(OF_FEW_IMAGES, tmp_path)
    assert set(images_of(fewer)["condition"]) == {"clean", "rotated-120"}
    for name in ("image_votes", "high_disagreement"):
        assert set(table(fewer, name)["condition"]) == {"clean"}


CLEAN = Condition("clean", "Clean", "clean", "digits")
ROTATED = Condition("rotated", "Rotated", "rotated", "digits")
OTHER = Condition("other", "Other", "natural", "other", paired_with="other")


def test_an_image_is_ranked_under_one_of_the_conditions_that_share_it() -> None:
    values = {
        CLEAN: torch.tensor([0.125, 0.0, 0.5]),
        ROTATED: torch.tensor([0.25, 0.0, 0.2]),
        OTHER: torch.tensor([0.375, 0.0625]),
    }
    best = [Ranked(CLEAN, 2, 0.5), Ranked(OTHER, 0, 0.375), Ranked(ROTATED, 0, 0.25)]
    assert highest(values, 3) == best
    assert highest(values, 9)[3:] == [Ranked(OTHER, 1, 0.0625)]
    assert highest({}, 3) == []
