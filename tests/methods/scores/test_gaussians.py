"""Gaussians of the classes: against SciPy and scikit-learn, and where a covariance is singular."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.covariance import EmpiricalCovariance
from torch import Tensor

from methods.scores.features import SingularCovarianceError, fit_density, fit_distance
from methods.scores.score import FitError


def features_of(images: int, seed: int, width: int = 6) -> tuple[Tensor, Tensor]:
    """Three classes of different sizes, with features that hang together."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, size=images, p=[0.5, 0.3, 0.2])
    mixing = np.random.default_rng(99).normal(size=(width, width))
    features = random.normal(size=(images, width)) @ mixing + 2 * labels[:, None]
    return torch.from_numpy(features).float(), torch.from_numpy(labels)


TRAINING, LABELS = features_of(400, 0)
FEATURES, _ = features_of(50, 1)


def parts() -> list[np.ndarray]:
    return [TRAINING[c == LABELS].double().numpy() for c in range(3)]


def test_distance_is_scipys_with_scikit_learns_covariance() -> None:
    means = np.stack([part.mean(axis=0) for part in parts()])
    centred = TRAINING.double().numpy() - means[LABELS.numpy()]
    covariance = EmpiricalCovariance(assume_centered=True).fit(centred)
    expected = cdist(FEATURES.double(), means, "mahalanobis", VI=covariance.precision_)
    computed = fit_distance(TRAINING, LABELS)(FEATURES)
    np.testing.assert_allclose(computed, expected.min(axis=1) ** 2, rtol=1e-9)


def test_density_is_scipys() -> None:
    each = [
        np.log(len(part) / 400)
        + multivariate_normal(part.mean(axis=0), np.cov(part.T, ddof=0)).logpdf(FEATURES.double())
        for part in parts()
    ]
    computed = fit_density(TRAINING, LABELS)(FEATURES)
    np.testing.assert_allclose(computed, -logsumexp(each, axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (fit_distance, r"of the features within classes is singular: rank 5 of 6"),
        (fit_density, r"of the features of class 0 is singular: rank 5 of 6"),
    ],
)
def test_unit_that_is_never_active_makes_a_covariance_singular(fit, message: str) -> None:
    features = TRAINING.clone()
    features[:, 2] = 0.0
    with pytest.raises(SingularCovarianceError, match=message):
        fit(features, LABELS)


def test_class_of_few_images_has_no_density_but_a_distance() -> None:
    few = torch.cat([torch.nonzero(LABELS != 2)[:, 0], torch.nonzero(LABELS == 2)[:4, 0]])
    with pytest.raises(SingularCovarianceError, match="class 2 is singular: rank 3 of 6"):
        fit_density(TRAINING[few], LABELS[few])
    assert fit_distance(TRAINING[few], LABELS[few])(FEATURES).isfinite().all()


@pytest.mark.parametrize("fit", [fit_distance, fit_density])
def test_class_without_an_image_is_named(fit) -> None:
    with pytest.raises(FitError, match="class 1 has no training image"):
        fit(TRAINING, LABELS * 2)
