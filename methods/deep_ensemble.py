"""A true ensemble: M networks, each trained on its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from torch import nn

from methods.given_networks.pool import GivenPool
from methods.given_networks.requirements import require_modules
from methods.networks.pool import NetworkPool
from methods.pooled import MemberMethod


class DeepEnsemble(MemberMethod):
    """A deep ensemble (Lakshminarayanan, Pritzel & Blundell 2017), without adversarial training.

    Members differ in initial weights, dropout masks and (where the recipe shuffles) the order of
    the images; dropout is off when they predict. Replicates use disjoint blocks of the pool.

    Args:
        members: M, how many networks vote.
    """

    name = "deep_ensemble"
    label = "Deep ensemble"
    in_text = "the deep ensemble"
    citation = "Lakshminarayanan, Pritzel & Blundell 2017"
    group = "ensemble"
    size = "members"
    usual_sizes: ClassVar[tuple[int, ...]] = (2, 5, 10)
    counts_networks = True

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

    @classmethod
    def from_networks(
        cls,
        modules: Iterable[nn.Module],
        *,
        features: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
    ) -> Self:
        """The method, fitted, of networks that were trained elsewhere: each is a member.

        Architectures may differ. Arguments and errors as those of `Softmax.from_network`.

        Raises:
            ValueError: there is no module, or a single one outside of a list. Predicting raises one
                if their numbers of classes differ, and `features` if their widths do.
        """
        members = require_modules(modules)
        pool = GivenPool.of(members, features=features, device=device, batch_size=batch_size)
        method = cls(device=device, pool=pool, members=len(members))
        method.fitted = list(pool.given)
        return method

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses."""
        return range(self.replicate * self.members, (self.replicate + 1) * self.members)

    @property
    def member_slice(self) -> slice:
        """Its networks' positions in the pool."""
        return slice(self.networks.start, self.networks.stop)
