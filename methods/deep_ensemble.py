"""A true ensemble: M networks, each trained on its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, Unpack

from torch import nn

from methods.given import GivenArguments, require_modules
from methods.pooled import MemberMethod, PoolArguments


class DeepEnsemble(MemberMethod):
    """A deep ensemble (Lakshminarayanan, Pritzel & Blundell 2017), without adversarial training.

    Members differ in initial weights, dropout masks and (where the recipe shuffles) the order of
    the images; dropout is off when they predict. Replicates use disjoint blocks of the pool.

    Args:
        members: M, how many networks vote.
    """

    name = "deep_ensemble"
    label = "Deep ensemble"
    citation = "Lakshminarayanan, Pritzel & Blundell 2017"
    group = "ensemble"
    size = "members"
    counts_networks = True

    def __init__(self, *, members: int = 50, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.members = members

    @classmethod
    def from_networks(cls, modules: Iterable[nn.Module], **given: Unpack[GivenArguments]) -> Self:
        """The method, fitted, of networks that were trained elsewhere: each is a member.

        Architectures may differ. Arguments and errors as those of `Softmax.from_network`.

        Raises:
            ValueError: there is no module, or a single one outside of a list. Predicting raises one
                if their numbers of classes differ, and `features` if their widths do.
        """
        members = require_modules(modules)
        return cls.of_modules(members, given, members=len(members))

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses."""
        return range(self.replicate * self.members, (self.replicate + 1) * self.members)

    @property
    def member_slice(self) -> slice:
        """Its networks' positions in the pool."""
        return slice(self.networks.start, self.networks.stop)
