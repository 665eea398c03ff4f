"""The baseline that everyone already has: one network, dropout off, one pass."""

from __future__ import annotations

from typing import Self, Unpack

from torch import nn

from methods.given import GivenArguments
from methods.pooled import MemberMethod


class Softmax(MemberMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member, measures of disagreement are undefined.
    """

    name = "softmax"
    label = "Softmax"
    citation = "Hendrycks & Gimpel 2017"
    group = "single network"

    @classmethod
    def from_network(cls, module: nn.Module, **given: Unpack[GivenArguments]) -> Self:
        """The method, fitted, of a network that was trained elsewhere.

        Args:
            module: from images, [images, ...], to logits, [images, classes]. It is copied, and
                always computes in evaluation mode.
            given: ``features``, ``device`` and ``batch_size``, see `GivenArguments`.

        Raises:
            ValueError: it is no module, cannot be copied or has no such layer, or the batch size is
                below 1. Predicting raises one if the module does not return logits, or draws random
                numbers in evaluation mode.
        """
        return cls.of_modules([module], given)

    @property
    def member_slice(self) -> slice:
        """Its network is the only member."""
        return slice(0, 1)
