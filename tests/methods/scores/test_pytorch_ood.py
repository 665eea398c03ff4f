"""Scores against the library pytorch-ood, on the same logits and features.

Where it follows another convention, the test checks the relation, and says which.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from methods.scores.features import fit_density, fit_distance, fit_neighbour, fit_virtual_logit
from methods.scores.logits import energy, generalised_entropy, negative_max_logit

LOGITS = torch.from_numpy(np.random.default_rng(0).normal(scale=2, size=(400, 10)))


@pytest.fixture(scope="module")
def detectors() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        return pytest.importorskip(
            "pytorch_ood.detector", reason="pytorch-ood is not installed: '.[agreement]'"
        )


def test_max_logit(detectors: Any) -> None:
    torch.testing.assert_close(
        negative_max_logit(LOGITS[None]), detectors.MaxLogit.score(LOGITS), rtol=1e-5, atol=1e-5
    )


def test_energy(detectors: Any) -> None:
    torch.testing.assert_close(
        energy(LOGITS[None]), detectors.EnergyBased.score(LOGITS), rtol=1e-5, atol=1e-5
    )


def test_generalised_entropy_is_its_mean_over_classes_times_their_number(detectors: Any) -> None:
    """It clamps probabilities at 1e-7; these logits give none below."""
    ours = generalised_entropy(LOGITS.softmax(dim=-1)[None])
    torch.testing.assert_close(ours, 10 * detectors.GEN.score(LOGITS), rtol=1e-5, atol=1e-5)


RANDOM = np.random.default_rng(1)
LABELS = torch.from_numpy(RANDOM.integers(10, size=2000))
MIXING = RANDOM.normal(size=(16, 16)) / 4
TRAINING = torch.from_numpy(RANDOM.normal(size=(2000, 16)) @ MIXING)
TRAINING = (TRAINING + 0.5 * torch.nn.functional.one_hot(LABELS, 16)).float()
FEATURES = torch.from_numpy(RANDOM.normal(size=(500, 16)) @ MIXING).float()


def test_mahalanobis_is_half_ours_divided_by_the_images(detectors: Any) -> None:
    """It sums products instead of averaging them, halves the distance and adds 1e-6 to variances.

    In double precision, which it keeps for features but not for means and covariance.
    """
    theirs = detectors.Mahalanobis(None).fit_features(TRAINING, LABELS).predict_features(FEATURES)
    ours = fit_distance(TRAINING, LABELS)(FEATURES) / (2 * len(LABELS))
    torch.testing.assert_close(ours.float(), theirs, rtol=1e-5, atol=1e-5)


def test_density_is_its_gaussian_mixture(detectors: Any) -> None:
    """Without the number that it adds to variances by default."""
    theirs = detectors.GMM(None, reg=0.0).fit_features(TRAINING, LABELS)
    ours = fit_density(TRAINING, LABELS)(FEATURES)
    torch.testing.assert_close(ours, theirs.predict_features(FEATURES), rtol=1e-5, atol=1e-5)


def test_neighbour(detectors: Any) -> None:
    theirs = detectors.KNN(None, k=50).fit_features(TRAINING, LABELS).predict_features(FEATURES)
    ours = fit_neighbour(TRAINING, LABELS)(FEATURES)
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-5, atol=1e-5)


def test_virtual_logit(detectors: Any) -> None:
    head = torch.nn.Linear(16, 10)
    theirs = detectors.ViM(None, d=8, w=head.weight, b=head.bias).fit_features(TRAINING, LABELS)
    ours = fit_virtual_logit(TRAINING, LABELS, head)(FEATURES)
    expected = theirs.predict_features(FEATURES).double()
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
