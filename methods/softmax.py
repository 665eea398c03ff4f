"""The baseline that everyone already has: one network, dropout off, one pass."""

from __future__ import annotations

from methods.pooled import MemberMethod, SingleNetwork


class Softmax(SingleNetwork, MemberMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member, measures of disagreement are undefined.
    """

    name = "softmax"
    label = "Softmax"
    tiers = frozenset({"quick"})
    citation = "Hendrycks & Gimpel 2017"
    group = "single network"
    reads = "logits"

    @property
    def member_slice(self) -> slice:
        """Its network is the only member."""
        return slice(0, 1)
