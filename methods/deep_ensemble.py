"""True ensembles: M networks, each trained on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Unpack

from methods.networks.recipes import Recipe
from methods.pooled import MemberMethod, PoolArguments, SeveralNetworks


class DeepEnsemble(SeveralNetworks, MemberMethod):
    """A deep ensemble (Lakshminarayanan, Pritzel & Blundell 2017), without adversarial training.

    Members differ in initial weights, dropout masks and (where the recipe shuffles) the order of
    the images; dropout is off when they predict. Replicates use disjoint blocks of the pool.

    Args:
        members: M, how many networks vote.
    """

    name = "deep_ensemble"
    label = "Deep ensemble"
    tiers = frozenset({"quick", "article", "published", "epistemic"})
    citation = "Lakshminarayanan, Pritzel & Blundell 2017"
    group = "ensemble"
    size = "members"
    usual_sizes: ClassVar[tuple[int, ...]] = (2, 5, 10)
    counts_networks = divides = True
    reads = "logits"

    def __init__(self, *, members: int = 50, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.members = members

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses."""
        return range(self.replicate * self.members, (self.replicate + 1) * self.members)

    @property
    def member_slice(self) -> slice:
        """Its networks' positions in the pool."""
        return slice(self.networks.start, self.networks.stop)


class Bagging(DeepEnsemble):
    """An ensemble whose networks each train on a draw of their own (Breiman 1996).

    Drawn are as many images as there are, with replacement.
    """

    name = "bagging"
    tiers = frozenset({"full", "epistemic"})
    label = "Bagging"
    citation = "Breiman 1996"
    sweep = usual_sizes = (5,)
    divides = False

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe with bootstrap samples."""
        return replace(recipe, bootstrap=True)
