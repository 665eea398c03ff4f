"""The main measures of a run, recomputed with NumPy, SciPy and scikit-learn: none of our code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.metrics import accuracy_score, roc_auc_score

from benchmarks.predictions import RunUnit, StoredPrediction
from methods import Prediction
from tests.measuring import every_row
from tests.runs import CONDITIONS

IMAGES, BINS = 60, 15

UNIT = RunUnit("standard", "any", 5, 0)

Array = NDArray[np.float64]


def recomputed_against_labels(mean: Array, labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, NLL (nats), Brier (in [0, 2]) and ECE of mean [images, classes], by metric."""
    confidence, correct = mean.max(axis=1), mean.argmax(axis=1) == labels
    with np.errstate(divide="ignore"):
        likelihood = np.log(mean[np.arange(len(labels)), labels])
    # Σ_c (p_c − y_c)² with the square multiplied out.
    brier = (mean**2).sum(axis=1) - 2 * mean[np.arange(len(labels)), labels] + 1
    bins = np.digitize(confidence, np.arange(1, BINS) / BINS, right=True)
    gaps = [abs((correct[bins == b] - confidence[bins == b]).sum()) for b in range(BINS)]
    return {
        "accuracy": float(accuracy_score(labels, mean.argmax(axis=1))),
        "nll": float(-likelihood.mean()),
        "brier": float(brier.mean()),
        "ece": float(sum(gaps) / len(labels)),
    }


def recomputed_auroc(clean: Array, ood: Array) -> float:
    """AUROC of detecting out-of-distribution images by predictive entropy, from means."""
    scores = entr(np.concatenate([clean, ood])).sum(axis=1)
    return float(roc_auc_score(np.arange(len(scores)) >= len(clean), scores))


def stored(seed: int, *, labelled: bool = True) -> StoredPrediction:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, IMAGES, 10, generator=generator)
    labels = torch.randint(10, (IMAGES,), generator=generator)
    logits += 4 * torch.nn.functional.one_hot(labels, 10)
    return StoredPrediction(Prediction.of_logits(logits), labels if labelled else None)


def measured(
    condition: str, one: StoredPrediction, reference: StoredPrediction
) -> dict[tuple[str, str], float | None]:
    rows = every_row(UNIT, CONDITIONS[condition], one, reference)
    return {(row.metric, row.score): row.value for row in rows}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("condition", ["clean", "rotated-045", "rotated-120"])
def test_measures_against_labels_are_the_recomputed_ones(condition: str, seed: int) -> None:
    one, reference = stored(seed), stored(100)
    assert one.labels is not None
    values = measured(condition, one, reference)
    again = recomputed_against_labels(one.prediction.mean.numpy(), one.labels.numpy())
    assert {name: values[name, ""] for name in again} == pytest.approx(again, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("condition", ["rotated-045", "ood-uniform_noise"])
def test_auroc_is_the_recomputed_one(condition: str, seed: int) -> None:
    one, reference = stored(seed, labelled=condition.startswith("rotated")), stored(100)
    value = measured(condition, one, reference)["auroc", "predictive_entropy"]
    means = (stored.prediction.mean.numpy() for stored in (reference, one))
    assert value == pytest.approx(recomputed_auroc(*means), abs=1e-12)


def test_infinite_likelihood_is_the_same_both_ways() -> None:
    mean = torch.tensor([[1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    one = StoredPrediction(Prediction.of(mean[None]), torch.tensor([1, 1]))
    assert measured("clean", one, one)["nll", ""] == math.inf
    assert recomputed_against_labels(mean.numpy(), np.array([1, 1]))["nll"] == math.inf


def test_recomputation_by_hand() -> None:
    mean = np.array([[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]])
    again = recomputed_against_labels(mean, np.array([0, 0, 0]))
    assert again["accuracy"] == 2 / 3
    assert again["nll"] == pytest.approx(3 * math.log(2) / 3)
    assert again["brier"] == pytest.approx((0 + 2 * 0.75**2 + 0.5) / 3)
    assert again["ece"] == pytest.approx((0 + 0.75 + 0.5) / 3)
    assert recomputed_auroc(mean[:2], mean[2:]) == 1
    two = recomputed_against_labels(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]))
    assert two["ece"] == 0.25
