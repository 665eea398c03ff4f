"""SWAG: its moments against NumPy's, its samples against the Gaussian that they are drawn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from methods.engines.torch import TorchEngine
from methods.networks.pool import NetworkPool, NetworkStore
from methods.networks.recipes import LabelledImages
from methods.posthoc.swag import (
    SWAG,
    AveragedTrajectory,
    Gaussian,
    drawn_networks,
    renew_batch_statistics,
)
from tests.training import STANDARD

WEIGHTS = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))


def test_moments_are_numpys() -> None:
    gaussian = Gaussian.fitted(WEIGHTS)
    weights = WEIGHTS.double().numpy()
    np.testing.assert_allclose(gaussian.mean, weights.mean(axis=0))
    np.testing.assert_allclose(gaussian.variance, (weights**2).mean(0) - weights.mean(0) ** 2)
    for k, deviation in enumerate(gaussian.deviations):
        np.testing.assert_allclose(
            deviation, weights[k] - weights[: k + 1].mean(axis=0), atol=1e-12
        )


def test_samples_have_the_covariance_of_the_paper() -> None:
    gaussian, generator = Gaussian.fitted(WEIGHTS), torch.Generator().manual_seed(1)
    drawn = torch.stack([gaussian.sample(generator) for _ in range(20_000)])
    deviations = gaussian.deviations
    expected = gaussian.variance.diag() / 2 + deviations.T @ deviations / (2 * (6 - 1))
    torch.testing.assert_close(drawn.T.cov(), expected, atol=0.06, rtol=0.05)
    torch.testing.assert_close(drawn.mean(dim=0), gaussian.mean, atol=0.03, rtol=0)


def test_snapshots_that_have_no_covariance_are_refused() -> None:
    with pytest.raises(ValueError, match="do not differ"):
        Gaussian.fitted(torch.ones(3, 4))
    with pytest.raises(ValueError, match="1 snapshot has no covariance"):
        Gaussian.fitted(torch.ones(1, 4))


def test_snapshots_are_trained_once_and_stored(
    tmp_path: Path, training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = LabelledImages(training_images.images[:320], training_images.labels[:320])
    pool = NetworkPool(replace(STANDARD, epochs=1, batch_size=4), store=NetworkStore(tmp_path))
    method = SWAG(pool=pool, replicate=1, samples=3).fit(data.images, data.labels)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert sum(name.startswith("swag-seed0-001-") for name in names) == len(names) == 20
    assert pool.snapshot_seconds(AveragedTrajectory(), 1, data.fingerprint) > 0
    monkeypatch.setattr(TorchEngine, "trainer", None)
    monkeypatch.setattr(AveragedTrajectory, "train", None)
    again = SWAG(pool=pool, replicate=1, samples=3).fit(data.images, data.labels)
    for one, other in zip(method.fitted, again.fitted, strict=True):
        assert all(map(torch.equal, one.parameters(), other.parameters()))


def with_batch_norm(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Tanh(), nn.Linear(5, 3)
        )


def test_batch_normalisation_gets_the_statistics_of_the_samples() -> None:
    images = torch.randn(700, 6, generator=torch.Generator().manual_seed(0))
    drawn = drawn_networks([with_batch_norm(0), with_batch_norm(1)], images[:500], 2, seed=3)
    for network in drawn:
        linear, norm = network[0], network[1]
        torch.testing.assert_close(norm.running_mean, linear(images[:500]).mean(dim=0))
        torch.testing.assert_close(norm.running_var, linear(images[:500]).var(dim=0))
        assert not any(part.training for part in network.modules())
    with torch.no_grad():
        renew_batch_statistics(drawn[0], images)
    assert drawn[0][1].momentum == 0.1


def test_is_of_given_snapshots_too() -> None:
    images = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    modules = [with_batch_norm(seed) for seed in range(3)]
    method = SWAG.from_networks(modules, images, samples=4)
    prediction = method.predict(images)
    assert (prediction.members, prediction.mean.shape) == (4, (30, 3))
    with pytest.raises(ValueError, match="trained elsewhere, so their training cannot go on"):
        method.fit(images, torch.zeros(30, dtype=torch.int64))
