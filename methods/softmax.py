"""The baseline that everyone already has: one network, dropout off, one pass."""

from __future__ import annotations

from torch import Tensor

from methods.interface import Prediction
from methods.pooled import PooledMethod


class Softmax(PooledMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member there is nothing to disagree with: measures of disagreement are undefined.
    """

    name = "softmax"

    def predict(self, images: Tensor) -> Prediction:
        """The one network's opinion."""
        (network,) = self.fitted
        return Prediction.of_logits(self.pool.engine.logits(network, images)[None])
