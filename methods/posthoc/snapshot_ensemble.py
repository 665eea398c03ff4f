"""Ensembles of the networks on the way of one training, whose learning rate has cycles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Unpack

from methods.networks.recipes import cosine
from methods.networks.training import Trajectory
from methods.pooled import MemberMethod, OwnRate, PoolArguments, SeveralNetworks

SNAPSHOTS = 5


@dataclass(frozen=True)
class CosineCycles(Trajectory):
    """Cycles of equal length, in which the rate falls by a cosine (Huang et al. 2017, eq. 2)."""

    snapshots: int
    name: str = "snapshot_ensemble"

    def rate(self, passed: float) -> float:
        """Falls from the recipe's rate to zero, then begins anew."""
        return cosine(passed * self.snapshots % 1)

    def snapshot_share(self, snapshot: int) -> float:
        """The end of a cycle."""
        return (snapshot + 1) / self.snapshots


@dataclass(frozen=True)
class TriangularCycles(Trajectory):
    """A usual training, then short cycles (Garipov et al. 2018, section 4).

    The rate falls by a cosine for four fifths of the training. Then it falls and rises in lines
    between a fifth and a hundredth of the recipe's, as the paper has it for VGG-16, and is lowest
    at the end.
    """

    snapshots: int
    name: str = "fast_geometric_ensemble"

    USUAL: ClassVar[float] = 0.8
    HIGHEST: ClassVar[float] = 0.2
    LOWEST: ClassVar[float] = 0.01

    def rate(self, passed: float) -> float:
        """Triangles after the usual training."""
        if passed < self.USUAL:
            return cosine(passed)
        distance = abs(2 * ((passed - self.USUAL) / self._cycle % 1) - 1)
        return self.LOWEST + (self.HIGHEST - self.LOWEST) * distance

    def snapshot_share(self, snapshot: int) -> float:
        """The middle of a cycle, where the rate is lowest."""
        return self.USUAL + self._cycle * (snapshot + 0.5)

    @property
    def _cycle(self) -> float:
        """The length of a cycle, as a share of the training."""
        return (1 - self.USUAL) / (self.snapshots - 0.5)


class SnapshotEnsemble(OwnRate, SeveralNetworks, MemberMethod):
    """Snapshots of one training with a cyclic learning rate (Huang et al. 2017).

    Within a cycle the rate falls by a cosine from the recipe's to zero, then it begins anew; all
    else is the recipe's, its epochs and its dropout among it: 5 cycles of 2 epochs where it has 10.
    Replicate r begins where network r of the pool did.

    Args:
        snapshots: M, how many there are.
    """

    name = "snapshot_ensemble"
    label = "Snapshots"
    citation = "Huang et al. 2017"
    group = "snapshots"
    needs = frozenset({"training"})
    size = "snapshots"
    sweep = usual_sizes = (SNAPSHOTS,)

    def __init__(self, *, snapshots: int = SNAPSHOTS, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.snapshots = snapshots

    @property
    def trajectory(self) -> Trajectory:
        """The training."""
        return CosineCycles(self.snapshots)


class FastGeometricEnsemble(SnapshotEnsemble):
    """Snapshots of short cycles at the end of one training (Garipov et al. 2018).

    See `TriangularCycles`. As `SnapshotEnsemble` in all else.
    """

    name = "fast_geometric_ensemble"
    label = "Fast geometric ensemble"
    citation = "Garipov et al. 2018"

    @property
    def trajectory(self) -> Trajectory:
        """The training."""
        return TriangularCycles(self.snapshots)
