"""The baseline that everyone already has: one network, dropout off, one pass."""

from __future__ import annotations

from torch import Tensor

from methods.pooled import MemberMethod


class Softmax(MemberMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member there is nothing to disagree with: measures of disagreement are undefined.
    """

    name = "softmax"

    @property
    def member_slice(self) -> slice:
        """Its network is the only member."""
        return slice(0, 1)

    def member_logits(self, images: Tensor) -> Tensor:
        """The one network's logits, [1, images, 10]."""
        (network,) = self.fitted
        return self.pool.engine.logits(network, images)[None]
