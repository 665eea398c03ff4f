"""The bootstrap's weights."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inference.resampling import BLOCK, image_weights


def test_each_resample_draws_as_many_images_as_there_are() -> None:
    blocks = list(image_weights(50, 2 * BLOCK + 3, seed=1))
    assert [block.shape for block in blocks] == [(50, BLOCK), (50, BLOCK), (50, 3)]
    weights = np.concatenate(blocks, axis=1)
    assert (weights.sum(axis=0) == 50).all()
    assert len(np.unique(weights, axis=1).T) == weights.shape[1]
    # Multinomial: the mean is 1, the variance 1 - 1/n, the covariance -1/n.
    moments = np.cov(weights)
    assert weights.mean(axis=1) == pytest.approx(1, abs=5 / np.sqrt(2 * BLOCK))
    assert np.diag(moments).mean() == pytest.approx(1 - 1 / 50, abs=0.05)
    assert moments[~np.eye(50, dtype=bool)].mean() == pytest.approx(-1 / 50, abs=0.002)


def test_seed_decides_and_the_number_of_resamples_does_not() -> None:
    few = np.concatenate(list(image_weights(30, 10, seed=3)), axis=1)
    many = np.concatenate(list(image_weights(30, 500, seed=3)), axis=1)
    other = np.concatenate(list(image_weights(30, 10, seed=4)), axis=1)
    assert (many[:, :10] == few).all()
    assert (other != few).any()
