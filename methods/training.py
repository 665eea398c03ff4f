"""Train a network by a recipe, and keep a log of how well it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64
from sklearn.metrics import precision_recall_fscore_support
from torch import Tensor

from methods.engines import Engine
from methods.labelled_images import LabelledImages
from methods.lenet5 import LeNet5
from methods.masks import draw_masks
from methods.recipes import Recipe
from methods.seeds import derive_seed


class TrainingDivergedError(Exception):
    """A network's loss became NaN or infinite; the message names recipe, network and epoch."""


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
    engine: Engine,
    seed: int = 0,
) -> TrainedNetwork:
    """Network ``index`` of the recipe: initial weights, order and masks follow from (seed, index).

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    splits = {"training": training} | ({"validation": validation} if validation else {})
    random = np.random.default_rng(derive_seed("training", seed, index))
    network = initial_network(recipe, index, seed=seed)
    trainer = engine.trainer(network, recipe, training)
    log = []
    for epoch in range(1, recipe.epochs + 1):
        loss = trainer.epoch(*_order_and_masks(recipe, len(training.labels), random))
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"network {index} of recipe {recipe.name!r}: the loss became {loss} in epoch "
                f"{epoch}; lower the learning rate ({recipe.learning_rate}) or check the images"
            )
        for split, data in splits.items():
            masks = np.random.default_rng(derive_seed("evaluation", seed, index, epoch, split))
            kept = draw_masks(masks, len(data.labels), recipe.dropout)
            log.append(_evaluate(engine, network, recipe, data, kept, epoch, split))
    return TrainedNetwork(network.cpu(), tuple(log))


def initial_network(recipe: Recipe, index: int, *, seed: int = 0) -> LeNet5:
    """Network ``index`` of the recipe before its first step."""
    return LeNet5(
        mean=recipe.mean,
        deviation=recipe.deviation,
        dropout=recipe.dropout,
        generator=torch.Generator().manual_seed(derive_seed("weights", seed, index)),
    )


def _order_and_masks(
    recipe: Recipe, images: int, random: np.random.Generator
) -> tuple[Int64[Tensor, " images"], Bool[Tensor, "images 22"]]:
    """An epoch's order of the images, and the channels that dropout keeps at each position."""
    order = random.permutation(images) if recipe.shuffled else np.arange(images)
    return torch.from_numpy(order), draw_masks(random, images, recipe.dropout)


def _evaluate(
    engine: Engine,
    network: LeNet5,
    recipe: Recipe,
    data: LabelledImages,
    kept: Bool[Tensor, "images 22"],
    epoch: int,
    split: str,
) -> EpochLog:
    outputs = engine.logits(network, data.images)
    votes = outputs.argmax(dim=1)
    precision, recall, _, _ = precision_recall_fscore_support(
        data.labels, votes, average="macro", zero_division=0.0
    )
    votes_dropout_on = engine.logits(network, data.images, kept).argmax(dim=1)
    return EpochLog(
        epoch=epoch,
        split=split,
        loss=recipe.mean_loss(outputs, data.labels).item(),
        accuracy=(votes == data.labels).double().mean().item(),
        precision=float(precision),
        recall=float(recall),
        accuracy_dropout_on=(votes_dropout_on == data.labels).double().mean().item(),
    )
