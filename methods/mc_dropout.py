"""Dropout left on, T passes: the method of the article, an ensemble of it, and what it adds to."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Unpack

import torch
from torch import Tensor

from methods.deep_ensemble import DeepEnsemble
from methods.networks.architectures import LINEAR_DROPOUT
from methods.networks.network import pass_masks
from methods.networks.recipes import Recipe
from methods.pooled import MemberMethod, PoolArguments, PooledMethod, SingleNetwork
from methods.softmax import Softmax


class TrainedWithDropout(PooledMethod):
    """A method whose networks are trained with dropout, unless the recipe has dropout itself.

    Attributes:
        rate: the probability that a channel or unit is dropped.
        placement: where: ``channels`` of convolutions, as the article; or ``linear``, units of the
            hidden linear layers, as in LeNet of Gal & Ghahramani 2016.
    """

    tuned_as = "mc_dropout"
    rate: float = 0.1
    placement: str = "channels"

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe with dropout, all of its length.

        Raises:
            ValueError: the rate is no probability, or the network has no such placement.
        """
        if recipe.dropout:
            return super().training(recipe)
        if not 0 < self.rate < 1:
            raise ValueError(f"{self.name}: rate is {self.rate}; expected a number between 0 and 1")
        networks = {"channels": recipe.network}
        if recipe.network in LINEAR_DROPOUT:
            networks["linear"] = LINEAR_DROPOUT[recipe.network]
        if self.placement not in networks:
            raise ValueError(
                f"{self.name}: placement is {self.placement!r}; expected, for "
                f"{recipe.network.name}, one of {', '.join(networks)}"
            )
        return replace(recipe, dropout=self.rate, network=networks[self.placement])


class DropoutOff(TrainedWithDropout, Softmax):
    """The network of MC-dropout, dropout off: weights stand for the mean of all masks.

    Beside MC-dropout it shows what passes add to the training (Srivastava et al. 2014).
    """

    name = "dropout_off"
    label = "Dropout off"
    citation = "Srivastava et al. 2014"
    group = "dropout"
    needs = frozenset({"dropout"})


class MCDropout(TrainedWithDropout, SingleNetwork, MemberMethod):
    """Monte-Carlo dropout (Gal & Ghahramani 2016), as in the article but for its rate.

    Each pass drops channels, or units, at the network's dropout sites, by a mask of its own that
    all images share: T sub-networks predict every image. So the Monte-Carlo error is common to all
    images; it shows in the spread over replicates, not in a bootstrap over images.

    Args:
        passes: T, how many sub-networks vote.
    """

    name = "mc_dropout"
    label = "MC-dropout"
    tiers = frozenset({"quick", "article", "epistemic"})
    citation = "Gal & Ghahramani 2016"
    group = "dropout"
    size = "passes"
    usual_sizes: ClassVar[tuple[int, ...]] = (10, 20, 50)
    needs = frozenset({"dropout"})

    def __init__(self, *, passes: int = 100, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.passes = passes

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, classes]."""
        (network,) = self.fitted
        passes = network.passes(self.seed, self.replicate, self.passes)
        return self.prepared.pass_logits(images, passes)


class ArticleMCDropout(MCDropout):
    """MC-dropout at the rate of the article, one half, of channels."""

    name = "mc_dropout_article"
    label = "MC-dropout, as in the article"
    tiers = frozenset({"quick", "epistemic"})
    rate, placement = 0.5, "channels"


class MCDropoutWithoutBlanks(MCDropout):
    """MC-dropout that draws a mask again where it drops all channels of a site.

    Such a pass answers every image alike: of LeNet-5 with a dropout of one half, one in 64. Each
    takes weight from the passes that see the image. See `methods.networks.network.is_blank`.
    """

    name = "mc_dropout_without_blanks"
    label = "MC-dropout without blanks"
    tiers = frozenset()
    usual_sizes, only_usual = (100,), True

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, classes].

        Raises:
            ValueError: the network does not know the widths of its dropout layers.
        """
        (network,) = self.fitted
        if not network.channels:
            raise ValueError(
                "the widths of the network's dropout layers are not known, so blank masks cannot "
                "be told from others; use MCDropout"
            )
        chosen = self.seed, self.replicate, self.passes, network.channels, network.dropout
        return self.prepared.pass_logits(images, pass_masks(*chosen, blanks=False))


TOTAL_PASSES = 100
"""Passes of an MC-dropout ensemble, over all its networks."""


class MCDropoutEnsemble(TrainedWithDropout, DeepEnsemble):
    """M networks with together 100 passes of MC-dropout (Smith & Gal 2018), or one each if M > 100.

    So it predicts as often as MC-dropout with 100 passes, with masks of more networks. Replicates
    use disjoint blocks of the pool; the masks of a network are those of MC-dropout with it. Where
    M does not divide 100, the first networks have a pass more. The mean is over passes, so that
    these weigh more: networks are exchangeable, so it has no bias, and its variance is nearly the
    least.

    Args:
        members: M, how many networks there are.
    """

    name = "mc_dropout_ensemble"
    label = "MC-dropout ensemble"
    divides = False
    citation = "Smith & Gal 2018"
    sweep = usual_sizes = (5,)
    needs = frozenset({"dropout"})

    def __init__(self, *, members: int = 5, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(members=members, **shared)

    @property
    def member_slice(self) -> slice:
        """All passes."""
        return slice(0, max(TOTAL_PASSES, self.members))

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of all sub-networks, [passes, images, classes], network by network."""
        engine, (few, more) = self.pool.engine, divmod(self.member_slice.stop, self.members)
        each = [
            engine.pass_logits(network, images, network.passes(self.seed, number, few + (k < more)))
            for k, (number, network) in enumerate(zip(self.networks, self.fitted, strict=True))
        ]
        return torch.cat(each)
