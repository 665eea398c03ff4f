"""A true ensemble: M networks, each trained on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.interface import Prediction
from methods.network_pool import NetworkPool
from methods.pooled import PooledMethod


class DeepEnsemble(PooledMethod):
    """A deep ensemble (Lakshminarayanan, Pritzel & Blundell 2017), without adversarial training.

    Members differ in initial weights, dropout masks and (where the recipe shuffles) the order of
    the images; dropout is off when they are asked. Replicates use disjoint blocks of the pool.

    Args:
        members: M, how many networks vote.
    """

    name = "deep_ensemble"

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "cpu",
        pool: NetworkPool | None = None,
        replicate: int = 0,
        members: int = 50,
    ) -> None:
        super().__init__(seed=seed, device=device, pool=pool, replicate=replicate)
        self.members = members

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses."""
        return range(self.replicate * self.members, (self.replicate + 1) * self.members)

    def predict(self, images: Tensor) -> Prediction:
        """What the M networks think of each image."""
        engine = self.pool.engine
        return Prediction.of_logits(
            torch.stack([engine.logits(network, images) for network in self.fitted])
        )
