"""Scores of features: against SciPy, scikit-learn and NumPy, and where they are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import svd
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from methods.scores.features import (
    BLOCK,
    SingularCovarianceError,
    fit_density,
    fit_distance,
    fit_neighbour,
    fit_virtual_logit,
)
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
    with pytest.raises(FitError, match="class 1 has no training image"):
        fit(TRAINING, LABELS * 2)


def unit(features: Tensor) -> np.ndarray:
    doubles = features.double().numpy()
    return doubles / np.linalg.norm(doubles, axis=1, keepdims=True)


@pytest.mark.parametrize("images", [3, BLOCK + 7])
def test_neighbour_is_scikit_learns(images: int) -> None:
    features, _ = features_of(images, 1)
    searched = NearestNeighbors(n_neighbors=50).fit(unit(TRAINING))
    distances, _ = searched.kneighbors(unit(features))
    computed = fit_neighbour(TRAINING, LABELS)(features)
    np.testing.assert_allclose(computed, distances[:, -1], atol=1e-6)


def test_part_of_the_images_has_a_smaller_k_and_nearly_the_same_distances() -> None:
    training, labels = features_of(1000, 3)
    whole, part = fit_neighbour(training, labels), fit_neighbour(training, labels, most=200)
    assert np.corrcoef(whole(FEATURES), part(FEATURES))[0, 1] > 0.9
    assert torch.equal(part(FEATURES), fit_neighbour(training, labels, most=200)(FEATURES))
    with pytest.raises(FitError, match="there are 49 training images, fewer than k = 50"):
        fit_neighbour(training[:49], labels[:49])


def head() -> nn.Linear:
    layer = nn.Linear(6, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.random.default_rng(1).normal(size=(3, 6))))
        layer.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    return layer


def test_virtual_logit_is_that_of_singular_vectors() -> None:
    layer = head()
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    origin = -np.linalg.lstsq(weight, bias, rcond=None)[0]
    training, features = TRAINING.double().numpy(), FEATURES.double().numpy()
    _, _, directions = svd(training - origin, full_matrices=False)
    beside = directions[3:]
    residual = np.linalg.norm((training - origin) @ beside.T, axis=1)
    scale = (training @ weight.T + bias).max(axis=1).mean() / residual.mean()
    virtual = scale * np.linalg.norm((features - origin) @ beside.T, axis=1)
    expected = virtual - logsumexp(features @ weight.T + bias, axis=1)
    computed = fit_virtual_logit(TRAINING, LABELS, layer)(FEATURES)
    np.testing.assert_allclose(computed, expected, rtol=1e-9)


def test_virtual_logit_needs_directions_beside_the_principal_ones() -> None:
    with pytest.raises(FitError, match="no more directions than the principal ones"):
        fit_virtual_logit(TRAINING[:, :1], LABELS, nn.Linear(1, 3))
