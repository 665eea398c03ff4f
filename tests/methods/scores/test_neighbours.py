"""The k-th neighbour: against scikit-learn's search of all of them, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from methods.scores.features import BLOCK, fit_neighbour
from methods.scores.score import FitError

LABELS = torch.zeros(1000, dtype=torch.int64)


def features_of(images: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(images, 8)) + 1).float()


def unit(features: Tensor) -> np.ndarray:
    doubles = features.double().numpy()
    return doubles / np.linalg.norm(doubles, axis=1, keepdims=True)


@pytest.mark.parametrize("images", [3, BLOCK + 7])
def test_distance_is_scikit_learns(images: int) -> None:
    training, features = features_of(1000, 0), features_of(images, 1)
    distances, _ = NearestNeighbors(n_neighbors=50).fit(unit(training)).kneighbors(unit(features))
    computed = fit_neighbour(training, LABELS)(features)
    np.testing.assert_allclose(computed, distances[:, -1], atol=1e-6)


def test_by_hand() -> None:
    training = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-3.0, 0.0]])
    nearest, second = (fit_neighbour(training, LABELS[:3], neighbour=k) for k in (1, 2))
    features = torch.tensor([[0.5, 0.0], [1.0, 1.0]])
    side = np.sqrt(2 - np.sqrt(2))  # between unit vectors of 45°
    assert nearest(features).tolist() == pytest.approx([0.0, side])
    assert second(features).tolist() == pytest.approx([np.sqrt(2), side])  # tied


def test_part_of_the_images_has_a_smaller_k_and_nearly_the_same_distances() -> None:
    training, features = features_of(1000, 3), features_of(200, 4)
    whole, part = fit_neighbour(training, LABELS), fit_neighbour(training, LABELS, most=200)
    assert np.corrcoef(whole(features), part(features))[0, 1] > 0.9
    assert torch.equal(part(features), fit_neighbour(training, LABELS, most=200)(features))


def test_too_few_images_are_named() -> None:
    with pytest.raises(FitError, match="there are 49 training images, fewer than k = 50"):
        fit_neighbour(features_of(49, 5), LABELS[:49])
