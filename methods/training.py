"""Train a network by a recipe, in plain PyTorch over tensors in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.metrics import precision_recall_fscore_support
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.inference import logits
from methods.lenet5 import LeNet5
from methods.masks import draw_masks
from methods.recipes import Recipe
from methods.seeds import derive_seed

ENGINE = f"torch-{torch.__version__}"
"""What trained a network, as the network store's key names it."""


class TrainingDivergedError(Exception):
    """A network's loss became NaN or infinite; the message names recipe, network and epoch."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images: images in [0, 1] and their classes."""

    images: Float[Tensor, "images 1 28 28"]
    labels: Int64[Tensor, " images"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the tensors' bytes, in 64 hexadecimal digits."""
        digest = sha256(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class EpochLog:
    """How well a network does on one split after an epoch.

    Loss (the recipe's own), accuracy, precision and recall are measured with dropout off.
    ``accuracy_dropout_on`` draws one mask an image: the article's listing computes its training
    accuracy before it switches dropout off. Precision and recall are macro-averaged over the ten
    classes, a class never predicted counting as precision 0; the article computed them for class 1
    against class 0 only.
    """

    epoch: int
    split: str
    loss: float
    accuracy: float
    precision: float
    recall: float
    accuracy_dropout_on: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network and the log of its training: per epoch a row for each split."""

    network: LeNet5
    log: tuple[EpochLog, ...]


def train_network(
    recipe: Recipe,
    index: int,
    training: LabelledImages,
    validation: LabelledImages | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> TrainedNetwork:
    """Network ``index`` of the recipe: initial weights, order and masks follow from (seed, index).

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    splits = {"training": training} | ({"validation": validation} if validation else {})
    random = np.random.default_rng(derive_seed("training", seed, index))
    network = initial_network(recipe, index, seed=seed).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    log = []
    for epoch in range(1, recipe.epochs + 1):
        loss = _train_epoch(network, optimiser, recipe, training, random, device)
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"network {index} of recipe {recipe.name!r}: the loss became {loss} in epoch "
                f"{epoch}; lower the learning rate ({recipe.learning_rate}) or check the images"
            )
        for split, data in splits.items():
            masks = np.random.default_rng(derive_seed("evaluation", seed, index, epoch, split))
            log.append(_evaluate(network, recipe, data, epoch, split, masks))
    return TrainedNetwork(network.cpu(), tuple(log))


def initial_network(recipe: Recipe, index: int, *, seed: int = 0) -> LeNet5:
    """Network ``index`` of the recipe before its first step."""
    return LeNet5(
        mean=recipe.mean,
        deviation=recipe.deviation,
        dropout=recipe.dropout,
        generator=torch.Generator().manual_seed(derive_seed("weights", seed, index)),
    )


def recipe_loss(
    recipe: Recipe, outputs: Float[Tensor, "images 10"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, ""]:
    """The recipe's mean loss of a batch of logits; see `methods.recipes.Recipe.loss`."""
    if recipe.loss == "softmax":
        outputs = outputs.softmax(dim=1)
    return cross_entropy(outputs, labels)


def _train_epoch(
    network: LeNet5,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    data: LabelledImages,
    random: np.random.Generator,
    device: str,
) -> float:
    """One pass over the data; returns the mean of the batches' losses."""
    total = torch.zeros((), device=device)
    for batch, kept in _batches(recipe, len(data.labels), random):
        outputs = network(data.images[batch].to(device), kept.to(device))
        loss = recipe_loss(recipe, outputs, data.labels[batch].to(device))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach()
    return total.item() / math.ceil(len(data.labels) / recipe.batch_size)


def _batches(
    recipe: Recipe, images: int, random: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch's batches: which images, and the channels that dropout keeps for each of them."""
    order = random.permutation(images) if recipe.shuffled else np.arange(images)
    kept = draw_masks(random, images, recipe.dropout)
    split = partial(torch.split, split_size_or_sections=recipe.batch_size)
    return zip(split(torch.from_numpy(order)), split(kept), strict=True)


def _evaluate(
    network: LeNet5,
    recipe: Recipe,
    data: LabelledImages,
    epoch: int,
    split: str,
    random: np.random.Generator,
) -> EpochLog:
    outputs = logits(network, data.images)
    votes = outputs.argmax(dim=1)
    precision, recall, _, _ = precision_recall_fscore_support(
        data.labels, votes, average="macro", zero_division=0.0
    )
    kept = draw_masks(random, len(data.labels), recipe.dropout)
    votes_dropout_on = logits(network, data.images, kept).argmax(dim=1)
    return EpochLog(
        epoch=epoch,
        split=split,
        loss=recipe_loss(recipe, outputs, data.labels).item(),
        accuracy=(votes == data.labels).double().mean().item(),
        precision=float(precision),
        recall=float(recall),
        accuracy_dropout_on=(votes_dropout_on == data.labels).double().mean().item(),
    )
