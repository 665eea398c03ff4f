"""Snapshot ensembles: the cycle of the learning rate, and which networks are kept."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from methods.engines.torch import LoopTrainer, TorchEngine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import PLAIN, LabelledImages
from methods.networks.training import TrainingDivergedError, Trajectory
from methods.posthoc.snapshot_ensemble import SnapshotEnsemble

POOL = NetworkPool(replace(PLAIN, epochs=2), engine=TorchEngine())


@pytest.fixture
def some(training_images: LabelledImages) -> LabelledImages:
    return LabelledImages(training_images.images[:700], training_images.labels[:700])


def test_learning_rate_is_huangs(some: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[tuple[float, int]] = []

    class Watched(LoopTrainer):
        def epoch(self, orders: Tensor, keep_mask: Tensor, learning_rate: float) -> list[float]:
            rates.append((learning_rate, orders.shape[1]))
            return super().epoch(orders, keep_mask, learning_rate)

    monkeypatch.setattr("methods.engines.torch.LoopTrainer", Watched)
    method = SnapshotEnsemble(pool=POOL, snapshots=2).fit(some.images, some.labels)
    # Two cycles of two epochs; 11 batches of 64, of which each tenth of an epoch has one or two.
    assert len(rates) == 4 * 10
    assert [sum(n for _, n in rates[e * 10 : e * 10 + 10]) for e in range(4)] == [700] * 4
    assert {images for _, images in rates} <= {64, 128, 60, 124}
    for step, (rate, _) in enumerate(rates):
        assert rate == pytest.approx(1e-3 / 2 * (math.cos(math.pi * (step % 20) / 20) + 1))
    vectors = [parameters_to_vector(one.parameters()) for one in method.fitted]
    assert len(vectors) == 2
    assert not torch.equal(*vectors)


def test_trainings_of_twice_the_epochs_in_five_cycles() -> None:
    trajectory = SnapshotEnsemble(pool=NetworkPool(PLAIN)).trajectory
    assert (trajectory.snapshots, trajectory.epochs) == (5, 4)
    assert SnapshotEnsemble(pool=NetworkPool(replace(PLAIN, epochs=1))).trajectory.epochs == 1
    assert list(SnapshotEnsemble(pool=POOL).networks) == []


def test_divergence_is_named(some: LabelledImages) -> None:
    broken = LabelledImages(some.images * math.nan, some.labels)
    with pytest.raises(TrainingDivergedError, match="network 0 of recipe 'plain'"):
        POOL.snapshots(Trajectory("any", 1, 1, cyclic=False, continued=False), 0, broken)
