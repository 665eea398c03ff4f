"""Predictions of others beside the methods of a run, of which it keeps four numbers an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.api import ArgumentError, images_beside, score_beside, score_predictions
from benchmarks.beside import score_files_beside
from benchmarks.inference.headline import ImageColumns, packed_columns, unpacked_columns
from benchmarks.io import UserError
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.reading import read_prediction
from benchmarks.schema import read_table
from methods import Prediction
from tests.runs import DIGITS, run_of

KEY = ["method", "members", "condition", "metric", "score"]


def probabilities(images: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(10, 0.3), size=images)


@pytest.fixture(scope="module")
def mine(digits_run: Path) -> dict[str, np.ndarray]:
    """Predictions of all conditions, as of another method."""
    images = images_beside(digits_run / "out")
    return {name: probabilities(len(own), seed) for seed, (name, own) in enumerate(images.items())}


def test_four_numbers_give_the_measures_of_the_run(digits_run: Path) -> None:
    out = digits_run / "out"
    of_run = read_table(out, "measurements.csv").query("replicate == 0 and recipe == 'standard'")
    beside = score_beside(out, {"mine": {"clean": probabilities(100)}}).measurements
    both = beside.merge(of_run, on=KEY, suffixes=("", "_run")).dropna(subset="value")
    assert set(both["method"]) == set(DIGITS.methods)
    assert set(both["condition"]) == {*DIGITS.conditions, "rotated-mean"}
    assert {"accuracy", "nll", "ece", "augrc", "auroc"} <= set(both["metric"])
    apart = (both["value"] - both["value_run"]).abs()
    headline = both["metric"].isin(["accuracy", "nll", "augrc", "auroc"])
    assert apart[headline].max() < 1e-3
    # Rounding may put an image into another bin, or to the other side of a threshold.
    assert apart.max() < 0.05


def test_others_have_the_values_that_they_have_alone(
    digits_run: Path, mine: dict[str, np.ndarray]
) -> None:
    beside = score_beside(digits_run / "out", {"mine": mine}).summary.query("method == 'mine'")
    labels = read_labels(digits_run)
    alone = score_predictions({"mine": mine["clean"]}, labels).summary
    both = beside.query("condition == 'clean'").merge(alone, on=KEY)
    both = both[both["metric"].isin(["accuracy", "nll", "augrc"])]  # others draw images anew
    assert len(both) == 3
    for column in ("value", "lower", "upper"):
        np.testing.assert_allclose(both[f"{column}_x"], both[f"{column}_y"])


def read_labels(digits_run: Path) -> torch.Tensor:
    run = run_of(DIGITS, digits_run)
    stored = read_prediction(*run, RunUnit("standard", "softmax", None, 0), "clean")
    assert stored is not None
    assert stored.labels is not None
    return stored.labels


def test_a_prediction_of_two_networks_is_worth_two(digits_run: Path) -> None:
    run, unit = run_of(DIGITS, digits_run), RunUnit("standard", "deep_ensemble", 2, 0)
    stored = {name: read_prediction(*run, unit, name) for name in DIGITS.conditions}
    means = {name: each.prediction.mean for name, each in stored.items() if each}
    chosen = {name: means[name] for name in images_beside(digits_run / "out")}
    results = score_beside(digits_run / "out", {"mine": chosen})
    worth = results.worth.query("method == 'mine' and status == 'ok'")
    assert len(worth)
    assert set(worth["worth"]) <= {"2", ">2"}  # by rounding of what the run keeps
    compared = results.comparisons.query("question == '' and status == 'ok'")
    own = compared[compared["method"].eq("mine") | compared["other_method"].eq("mine")]
    ensembles = own["method"].eq("deep_ensemble") | own["other_method"].eq("deep_ensemble")
    sizes = own["members"].eq("2") | own["other_members"].eq("2")
    same = own[ensembles & sizes & own["metric"].isin(["accuracy", "nll", "augrc", "auroc"])]
    assert len(same)
    np.testing.assert_allclose(same["difference"].astype(float), 0, atol=1e-3)


def test_files_are_scored_as_arrays_are(
    digits_run: Path, mine: dict[str, np.ndarray], tmp_path: Path
) -> None:
    names = {"clean": "probabilities", "ood-uniform_noise": "ood_uniform_noise"}
    named = {names.get(name, name): array for name, array in mine.items()}
    np.savez(tmp_path / "mine.npz", labels=read_labels(digits_run).numpy(), **named)
    of_file = score_files_beside(digits_run / "out", [tmp_path / "mine.npz"], out=tmp_path / "out")
    of_arrays = score_beside(digits_run / "out", {"mine": mine})
    pd.testing.assert_frame_equal(of_file.summary, of_arrays.summary)
    board = (tmp_path / "out" / "tables" / "leaderboard.md").read_text(encoding="utf-8")
    assert "| mine |" in board
    assert "ensemble, each; ± leaves out how these differ" in board
    figure = (tmp_path / "out" / "figures" / "quality-standard.svg").read_text(encoding="utf-8")
    assert "mine (not timed)" in figure


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no array 'clean'"),
        ({"clean": probabilities(99)}, "expected predictions of the 100 images"),
        ({"clean": probabilities(100)[:, :9]}, "9 classes; expected 10"),
        ({"clean": 2 * probabilities(100)}, "not probabilities"),
        ({"clean": probabilities(100), "corrupted-fog": probabilities(100)}, "is no condition of"),
        ({"clean": probabilities(100), "labels": np.zeros(100, int)}, "not those of the run's"),
    ],
)
def test_what_does_not_fit_is_refused(
    given: dict[str, np.ndarray], message: str, digits_run: Path
) -> None:
    with pytest.raises(ArgumentError, match=message):
        score_beside(digits_run / "out", {"mine": given})


def test_a_name_of_the_run_is_refused(digits_run: Path, mine: dict[str, np.ndarray]) -> None:
    with pytest.raises(ArgumentError, match=r"'softmax' is a method of .*; rename yours"):
        score_beside(digits_run / "out", {"softmax": mine})


def test_a_folder_without_numbers_of_images_is_refused(digits_copy: Path) -> None:
    file = digits_copy / "out" / "headline.npz"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"headline.npz is damaged, or of another version"):
        images_beside(digits_copy / "out")
    file.unlink()
    with pytest.raises(UserError, match=r"there is no headline.npz; name the folder of a run"):
        images_beside(digits_copy / "out")


def test_columns_are_kept_in_half_precision() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (50,), generator=random)
    columns = []
    for temperature in (0.1, 3.0):
        logits = torch.randn((1, 50, 10), generator=random) / temperature
        prediction = Prediction.of_logits(logits)
        columns.append(ImageColumns.of(StoredPrediction(prediction, labels)))
    arrays = packed_columns("clean", columns)
    for before, after in zip(columns, unpacked_columns(arrays, "clean"), strict=True):
        assert before.right is not None
        np.testing.assert_array_equal(before.right, after.right)
        for kept, read in zip(before, after, strict=True):
            np.testing.assert_allclose(kept, read, rtol=1e-3, atol=1e-7)
    (unlabelled,) = unpacked_columns(
        packed_columns("noise", [ImageColumns(columns[0].entropy)]), "noise"
    )
    assert unlabelled.right is None
