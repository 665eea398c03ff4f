"""The Gaussian of SWAG, fitted to weights along a training, and networks that are drawn from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

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
    def of(cls, snapshots: Float[Tensor, "snapshots weights"]) -> Self:
        """Of the weights of snapshots, in their order.

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
        of_weights = torch.randn(len(self.mean), generator=generator, dtype=torch.float64)
        rank = len(self.deviations)
        of_snapshots = torch.randn(rank, generator=generator, dtype=torch.float64)
        low_rank = of_snapshots @ self.deviations / math.sqrt(2 * (rank - 1))
        return self.mean + (self.variance / 2).sqrt() * of_weights + low_rank


def drawn_networks(
    snapshots: Sequence[Module], images: Tensor, samples: int, seed: int
) -> list[Module]:
    """Networks whose weights are samples of the Gaussian of these ones."""
    with torch.no_grad():
        gaussian = Gaussian.of(
            torch.stack([parameters_to_vector(one.parameters()).cpu() for one in snapshots])
        )
        generator = torch.Generator().manual_seed(seed)
        drawn = [deepcopy(snapshots[-1]).eval() for _ in range(samples)]
        for one in drawn:
            first = next(one.parameters())
            vector_to_parameters(gaussian.sample(generator).to(first), one.parameters())
            renew_batch_statistics(one, images.to(first))
    return drawn


def renew_batch_statistics(network: nn.Module, images: Tensor) -> None:
    """Mean and variance of batch normalisation as these images give them, dropout off."""
    layers = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
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
