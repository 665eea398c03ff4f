"""How a network is trained: the recipes that the suite compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Recipe:
    """How a LeNet-5 is trained; all recipes use Adam, Xavier-uniform weights and zero biases.

    Attributes:
        name: what the tables call it.
        loss: what the cross-entropy is computed on. ``"softmax"`` is the article's slip: its
            network ends in a softmax and its loss applies another, so the loss cannot fall below
            log(1 + 9/e) = 1.4612.
        shuffled: whether each epoch has an order of its own. Networks of an unshuffled recipe
            differ in initial weights and dropout masks, but see the images in one common order.
        mean, std: the normalisation of the images, ``(image - mean) / std``.
        dropout: probability that a channel is dropped, in [0, 1).
        epochs, batch_size, learning_rate: of Adam's run; the last batch may be smaller.
        split: which of a task's images it trains on: ``training``, or ``all``, those held out for
            calibration too.
        reported: the training and validation accuracy after all epochs that its source reports.
    """

    name: str
    loss: Literal["logits", "softmax"] = "logits"
    shuffled: bool = True
    mean: float = 0.1307
    std: float = 0.3081
    dropout: float = 0.5
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    split: Literal["training", "all"] = "all"
    reported: tuple[float, float] | None = None

    def mean_loss(
        self, logits: Float[Tensor, "images 10"], labels: Int64[Tensor, " images"]
    ) -> Float[Tensor, ""]:
        """The mean over a batch of what the recipe minimises."""
        return cross_entropy(logits.softmax(dim=1) if self.loss == "softmax" else logits, labels)


STANDARD = Recipe("standard")
ARTICLE = Recipe("article", loss="softmax", shuffled=False, mean=0.137, reported=(0.98, 0.973))
ARTICLE_LOGITS = Recipe("article-logits", shuffled=False, mean=0.137)
PLAIN = Recipe("plain", dropout=0.0)

RECIPES = {recipe.name: recipe for recipe in (STANDARD, ARTICLE, ARTICLE_LOGITS, PLAIN)}
"""The design's recipes by name; what each is for stands in the README."""
