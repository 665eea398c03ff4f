"""SWAG: a Gaussian fitted to the weights along the end of a training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self, TypeVar, Unpack

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from methods.determinism import derive_seed
from methods.given import GivenPool, copied
from methods.networks.recipes import AVERAGED_FROM, LabelledImages, averaging_rate
from methods.networks.training import Trajectory
from methods.pooled import MemberMethod, OwnRate, PoolArguments, require_modules

SAMPLES = 30
"""Samples of the paper; runs take fewer, since each costs as much as a network."""


@dataclass(frozen=True)
class AveragedTrajectory(Trajectory):
    """The rate of weight averaging; snapshots from where it begins on, in equal distances."""

    name: str = "swag"
    snapshots: int = 20

    def rate(self, passed: float) -> float:
        """The rate of Izmailov et al. 2018."""
        return averaging_rate(passed)

    def snapshot_share(self, snapshot: int) -> float:
        """The last one at the end."""
        return AVERAGED_FROM + (1 - AVERAGED_FROM) * (snapshot + 1) / self.snapshots


class SWAG(OwnRate, MemberMethod):
    """SWA-Gaussian (Maddox et al. 2019): networks drawn from a Gaussian over the weights.

    A training of the recipe's length gives 20 snapshots in its last quarter, whose learning rate is
    half of the recipe's; samples of their `Gaussian` are the members. By the recipe's own
    optimiser. Batch normalisation gets new statistics for each sample. Replicate r begins where
    network r of the pool did.

    Args:
        samples: S, how many networks are drawn.
    """

    name = "swag"
    tiers = frozenset({"full", "epistemic"})
    label = "SWAG"
    citation = "Maddox et al. 2019"
    group = "snapshots"
    needs = frozenset({"training"})
    size = "samples"
    sweep = usual_sizes = (10,)
    feature_scores = False

    def __init__(self, *, samples: int = SAMPLES, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.samples = samples

    @classmethod
    def from_networks(
        cls,
        modules: Iterable[nn.Module],
        images: Tensor,
        *,
        samples: int = SAMPLES,
        seed: int = 0,
        **arguments: Any,
    ) -> Self:
        """The method, fitted, of snapshots that a user's training has left, in their order.

        Args:
            modules: of one architecture.
            images: those that they were trained on, for batch normalisation.
            samples, seed: how many networks are drawn, and from which random numbers.
            arguments: see `Softmax.from_network`.

        Raises:
            ValueError: as `Softmax.from_network`; or they are too few, or do not differ.
        """
        snapshots = [copied(module) for module in require_modules(modules)]
        drawn = drawn_networks(snapshots, images, samples, derive_seed(cls.name, seed, 0))
        return cls.from_modules(drawn, seed=seed, samples=samples, **arguments)

    @property
    def trajectory(self) -> Trajectory:
        """The training."""
        return AveragedTrajectory()

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Train, or take the snapshots from the pool's store, and draw the networks.

        Raises:
            ValueError: the snapshots do not differ, or were given. Others as of
                `NetworkPool.snapshots`.
        """
        if isinstance(self.pool, GivenPool):
            raise ValueError(
                "the networks were trained elsewhere, so their training cannot go on; the method "
                "is fitted already"
            )
        training = LabelledImages(images, labels)
        snapshots = self.pool.snapshots(self.trajectory, self.replicate, training)
        seed = derive_seed(self.name, self.seed, self.replicate)
        self.fitted = drawn_networks(snapshots, images, self.samples, seed)
        return self


Module = TypeVar("Module", bound=nn.Module)

BATCH = 500
"""Images of a forward by which batch normalisation gets its statistics."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean, diagonal and low-rank part of the covariance of weights (Maddox et al., algorithm 1).

    Attributes:
        mean: θ̄, of the K snapshots.
        variance: mean of θ² minus θ̄².
        deviations: D, of each snapshot from the mean of those up to it.
    """

    mean: Float64[Tensor, " weights"]
    variance: Float64[Tensor, " weights"]
    deviations: Float64[Tensor, "snapshots weights"]

    @classmethod
    def fitted(cls, snapshots: Float[Tensor, "snapshots weights"]) -> Self:
        """The Gaussian of the weights of snapshots, in their order.

        Raises:
            ValueError: there are fewer than two, or they do not differ.
        """
        weights = snapshots.double()
        if len(weights) < 2:
            raise ValueError(f"{len(weights)} snapshot has no covariance; expected two at least")
        counts = torch.arange(1, len(weights) + 1)[:, None]
        variance = weights.var(dim=0, correction=0)
        if not variance.any():
            raise ValueError("the snapshots do not differ, so that their covariance is singular")
        return cls(weights.mean(dim=0), variance, weights - weights.cumsum(dim=0) / counts)

    def sample(self, generator: torch.Generator) -> Float64[Tensor, " weights"]:
        """θ̄ + √(variance / 2) z + Dᵀ z' / √(2 (K − 1)) with standard normal z and z'."""
        weight_noise = torch.randn(len(self.mean), generator=generator, dtype=torch.float64)
        rank = len(self.deviations)
        snapshot_noise = torch.randn(rank, generator=generator, dtype=torch.float64)
        low_rank = snapshot_noise @ self.deviations / math.sqrt(2 * (rank - 1))
        return self.mean + (self.variance / 2).sqrt() * weight_noise + low_rank


def drawn_networks(
    snapshots: Sequence[Module], images: Tensor, samples: int, seed: int
) -> list[Module]:
    """Networks whose weights are samples of the Gaussian of these ones."""
    with torch.no_grad():
        weights = [parameters_to_vector(network.parameters()).cpu() for network in snapshots]
        gaussian = Gaussian.fitted(torch.stack(weights))
        generator = torch.Generator().manual_seed(seed)
        drawn = [deepcopy(snapshots[-1]).eval() for _ in range(samples)]
        for network in drawn:
            first = next(network.parameters())
            vector_to_parameters(gaussian.sample(generator).to(first), network.parameters())
            renew_batch_statistics(network, images.to(first))
    return drawn


def renew_batch_statistics(network: nn.Module, images: Tensor) -> None:
    """Mean and variance of batch normalisation as these images give them, dropout off."""
    layers = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch's word for the mean of all batches
        layer.train()
    for batch in torch.chunk(images, math.ceil(len(images) / BATCH)):  # none much smaller
        network(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
