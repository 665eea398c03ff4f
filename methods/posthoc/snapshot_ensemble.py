"""A snapshot ensemble: the networks at the ends of the cycles of one training."""

from __future__ import annotations

from typing import Self, Unpack

from torch import Tensor

from methods.networks.recipes import LabelledImages
from methods.networks.training import Trajectory
from methods.pooled import MemberMethod, PoolArguments, SeveralNetworks

SNAPSHOTS, TRAININGS = 5, 2
"""Cycles, and how many times the recipe's epochs they last together."""


class SnapshotEnsemble(SeveralNetworks, MemberMethod):
    """Snapshots of one longer training with a cyclic learning rate (Huang et al. 2017).

    Within a cycle the rate falls by a cosine from the recipe's to zero, then it begins anew; all
    else is the recipe's, dropout among it. All cycles together are twice its epochs: 5 of 4 epochs
    where it has 10. Replicate r begins where network r of the pool did.

    Args:
        snapshots: M, how many there are.
    """

    name = "snapshot_ensemble"
    label = "Snapshots"
    citation = "Huang et al. 2017"
    group = "snapshots"
    needs = frozenset({"training"})
    budget = float(TRAININGS)
    size, sweep = "snapshots", (SNAPSHOTS,)

    def __init__(self, *, snapshots: int = SNAPSHOTS, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.snapshots = snapshots

    @property
    def networks(self) -> range:
        """None of the pool's: it has a training of its own."""
        return range(0)

    @property
    def trajectory(self) -> Trajectory:
        """The training."""
        epochs = max(1, round(TRAININGS * self.pool.recipe.epochs / self.snapshots))
        return Trajectory(self.name, self.snapshots, epochs, cyclic=True, continued=False)

    @property
    def member_slice(self) -> slice:
        """All snapshots."""
        return slice(0, self.snapshots)

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Train, or take the snapshots from the pool's store.

        Raises:
            TrainingDivergedError, NotStoredError: see `NetworkPool.snapshots`.
        """
        training = LabelledImages(images, labels)
        self.fitted = self.pool.snapshots(self.trajectory, self.replicate, training)
        return self
