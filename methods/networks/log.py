"""The log of a training: how well networks do after each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from methods.engines.base import Engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.masks import draw_masks
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.seeds import derive_seed

TRAINING, VALIDATION, ALL_TRAINING = "training", "validation", "all training"
"""The splits of a log."""

WATCHED = 10_000
"""How many training images are evaluated after each epoch."""


@dataclass(frozen=True)
class EpochLog:
    """How well a network does on one split after an epoch.

    Loss (the recipe's own), accuracy, precision and recall are measured with dropout off.
    Precision and recall are macro-averaged over the classes, a class never predicted counting as
    precision 0; the article computed them for class 1 against class 0 only.

    Attributes:
        split: ``"training"``: a fixed choice of 10,000 training images (all where there are
            fewer); ``"validation"``; or ``"all training"``, after the last epoch of a recipe
            whose source reports a final accuracy.
        images: how many images the split has.
        accuracy_dropout_on: with one mask an image, since the article's listing computes its
            training accuracy before it switches dropout off. None on validation images.
    """

    epoch: int
    split: str
    images: int
    loss: float
    accuracy: float
    precision: float
    recall: float
    accuracy_dropout_on: float | None = None


def complete_splits(recipe: Recipe) -> set[str]:
    """The splits that a complete log of the recipe has."""
    return {TRAINING, VALIDATION} | ({ALL_TRAINING} if recipe.reported else set())


def watched_images(count: int) -> Int64[Tensor, " watched"]:
    """Which of ``count`` training images are evaluated after each epoch, in ascending order.

    The same for all networks, epochs and seeds.

    >>> watched_images(3)
    tensor([0, 1, 2])
    """
    random = np.random.default_rng(derive_seed("watched images"))
    return torch.from_numpy(np.sort(random.permutation(count)[:WATCHED]))


class Watch:
    """Evaluates networks after an epoch, with random numbers of its own: it changes no network.

    Args:
        recipe, engine, seed: those of the networks.
        training, validation: all images of both.
    """

    def __init__(
        self,
        recipe: Recipe,
        engine: Engine,
        seed: int,
        training: LabelledImages,
        validation: LabelledImages,
    ) -> None:
        self._recipe, self._engine, self._seed = recipe, engine, seed
        self._training, self._validation = training, validation
        self._chosen = watched_images(len(training.labels))
        self._images = training.images[self._chosen]

    def after(
        self, epoch: int, networks: Sequence[Network], indices: Sequence[int]
    ) -> list[tuple[EpochLog, ...]]:
        """Of each network a row for each split; ``indices``: their numbers in the pool."""
        masks = torch.stack([self._masks(index, epoch) for index in indices])
        final = self._recipe.reported is not None and epoch == self._recipe.epochs
        labels, chosen = self._training.labels, self._chosen
        if final:
            every = self._off_and_on(networks, self._training.images, masks)
            some = [logits[:, chosen] for logits in every]
        else:
            some = self._off_and_on(networks, self._images, masks[:, chosen])
        validation = self._engine.prepare(networks).logits(self._validation.images)
        rows = [
            self._rows(epoch, TRAINING, labels[chosen], *some),
            self._rows(epoch, VALIDATION, self._validation.labels, validation),
        ]
        if final:
            rows.append(self._rows(epoch, ALL_TRAINING, labels, *every))
        return list(zip(*rows, strict=True))

    def _masks(self, index: int, epoch: int) -> Bool[Tensor, "images channels"]:
        """One for each training image, whether it is evaluated or not."""
        random = np.random.default_rng(derive_seed("evaluation", self._seed, index, epoch))
        channels = self._recipe.network.channels
        return draw_masks(random, len(self._training.labels), channels, self._recipe.dropout)

    def _off_and_on(
        self,
        networks: Sequence[Network],
        images: Float[Tensor, "images ..."],
        keep_mask: Bool[Tensor, "networks images channels"],
    ) -> list[Float[Tensor, "networks images classes"]]:
        """Logits with dropout off, and with each network's own masks."""
        off = self._engine.prepare(networks).logits(images)
        if not self._recipe.dropout:
            return [off, off]
        each = zip(networks, keep_mask, strict=True)
        return [off, torch.stack([self._engine.logits(one, images, mask) for one, mask in each])]

    def _rows(
        self,
        epoch: int,
        split: str,
        labels: Int64[Tensor, " images"],
        off: Float[Tensor, "networks images classes"],
        on: Float[Tensor, "networks images classes"] | None = None,
    ) -> Iterator[EpochLog]:
        """A row for each network, from its logits with dropout off and on."""
        for i, logits in enumerate(off):
            votes = logits.argmax(dim=1)
            precision, recall = precision_and_recall(labels, votes, classes=logits.shape[1])
            yield EpochLog(
                epoch=epoch,
                split=split,
                images=len(labels),
                loss=self._recipe.mean_loss(logits, labels).item(),
                accuracy=_accuracy(labels, votes),
                precision=precision,
                recall=recall,
                accuracy_dropout_on=None if on is None else _accuracy(labels, on[i].argmax(dim=1)),
            )


def precision_and_recall(
    labels: Int64[Tensor, " images"], votes: Int64[Tensor, " images"], *, classes: int
) -> tuple[float, float]:
    """Means over the classes that occur in labels or votes; a quotient of none is 0.

    >>> precision_and_recall(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), classes=3)
    (0.75, 0.75)
    """
    pairs = torch.bincount(classes * labels + votes, minlength=classes**2)
    confusion = pairs.reshape(classes, classes).double()
    right, actual, predicted = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    occurs = actual + predicted > 0
    precision, recall = (right / total.clamp(min=1) for total in (predicted, actual))
    return precision[occurs].mean().item(), recall[occurs].mean().item()


def _accuracy(labels: Int64[Tensor, " images"], votes: Int64[Tensor, " images"]) -> float:
    return (votes == labels).double().mean().item()
