"""One network, dropout off, one pass: the baseline that everyone already has, and its average."""

from __future__ import annotations

from dataclasses import replace

from methods.networks.recipes import Recipe
from methods.pooled import MemberMethod, OwnRate, SingleNetwork


class Softmax(SingleNetwork, MemberMethod):
    """The softmax outputs of one network, taken as its confidence (Hendrycks & Gimpel 2017).

    With one member, measures of disagreement are undefined.
    """

    name = "softmax"
    label = "Softmax"
    tiers = frozenset({"quick", "article", "published", "epistemic"})
    citation = "Hendrycks & Gimpel 2017"
    group = "single network"
    reads = "logits"


class WeightAveraging(OwnRate, Softmax):
    """Stochastic weight averaging (Izmailov et al. 2018): the mean of the last networks' weights.

    The softmax of the mean of the networks at the ends of the last quarter's epochs, whose learning
    rate is half of the recipe's.
    """

    name = "weight_averaging"
    label = "Weight averaging"
    citation = "Izmailov et al. 2018"
    group = "snapshots"

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe's length with the schedule of weight averaging."""
        return replace(super().training(recipe), schedule="averaged", epochs=recipe.epochs)
