"""Ensembles on the way of one training: the cycles of its learning rate, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from methods import FastGeometricEnsemble, SnapshotEnsemble
from methods.engines.torch import LoopTrainer, TorchEngine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.networks.training import TrainingDivergedError
from methods.posthoc.snapshot_ensemble import CosineCycles
from tests.training import PLAIN

POOL = NetworkPool(replace(PLAIN, epochs=2), engine=TorchEngine())
STEPS = 2 * 11
"""Two epochs of 700 images in batches of 64."""


@pytest.fixture
def some(training_images: LabelledImages) -> LabelledImages:
    return LabelledImages(training_images.images[:700], training_images.labels[:700])


def huang(step: int) -> float:
    """Equation 2, of two cycles: the rate of a step from 0, of all."""
    return 1e-3 / 2 * (math.cos(math.pi * (step % 11) / 11) + 1)


def garipov(step: int) -> float:
    """A cosine, then lines through the ends and middles of two cycles, the last one cut in half."""
    passed = step / STEPS
    if passed < 0.8:
        return 1e-3 / 2 * (math.cos(math.pi * passed) + 1)
    corners = 0.8 + 0.2 / 1.5 * np.array([0, 0.5, 1, 1.5])
    return 1e-3 * float(np.interp(passed, corners, [0.2, 0.01, 0.2, 0.01]))


@pytest.mark.parametrize(
    ("method", "rate", "kept"),
    [(SnapshotEnsemble, huang, [11, 22]), (FastGeometricEnsemble, garipov, [19, 22])],
    ids=["snapshots", "fast geometric"],
)
def test_learning_rate_is_the_papers(
    method: type[SnapshotEnsemble],
    rate: Callable[[int], float],
    kept: list[int],
    some: LabelledImages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: list[float] = []
    weights: dict[int, Tensor] = {}

    class Watched(LoopTrainer):
        def epoch(
            self, orders: Tensor, keep_mask: Tensor, own: Sequence[float] | None = None
        ) -> list[float]:
            assert own is not None
            losses = super().epoch(orders, keep_mask, own)
            rates.extend(own)
            weights[len(rates)] = parameters_to_vector(self._networks[0].parameters()).detach()
            return losses

    monkeypatch.setattr("methods.engines.torch.LoopTrainer", Watched)
    fitted = method(pool=POOL, snapshots=2).fit(some.images, some.labels).fitted
    assert rates == pytest.approx([rate(step) for step in range(STEPS)])
    vectors = [parameters_to_vector(network.parameters()) for network in fitted]
    for vector, step in zip(vectors, kept, strict=True):
        assert torch.equal(vector, weights[step])


def test_divergence_is_named(some: LabelledImages) -> None:
    broken = LabelledImages(some.images * math.nan, some.labels)
    with pytest.raises(TrainingDivergedError, match="network 0 of recipe 'plain'"):
        POOL.snapshots(CosineCycles(1), 0, broken)
