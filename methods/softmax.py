"""The baseline that everyone already has: one network, dropout off, one pass."""

from __future__ import annotations

from typing import Self

from torch import nn

from methods.given_networks.pool import GivenPool
from methods.pooled import MemberMethod


class Softmax(MemberMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member, measures of disagreement are undefined.
    """

    name = "softmax"
    label = "Softmax"
    in_text = "softmax"
    citation = "Hendrycks & Gimpel 2017"
    group = "single network"

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        *,
        features: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere.

        Args:
            module: from images, [images, ...], to logits, [images, classes]. It is copied, and
                always computes in evaluation mode.
            features: the name of the layer whose input are the penultimate features; by default
                the last `nn.Linear` that a forward reaches.
            device: where it computes.
            batch_size: how many images are computed in one batch.

        Raises:
            ValueError: it is no module, cannot be copied or has no such layer, or the batch size is
                below 1. Predicting raises one if the module does not return logits, or draws random
                numbers in evaluation mode.
        """
        pool = GivenPool.of([module], features=features, device=device, batch_size=batch_size)
        method = cls(device=device, pool=pool)
        method.fitted = list(pool.given)
        return method

    @property
    def member_slice(self) -> slice:
        """Its network is the only member."""
        return slice(0, 1)
