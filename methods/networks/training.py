"""Train networks by a recipe, and log how well each does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

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


class TrainingDivergedError(Exception):
    """A network's loss became NaN or infinite; the message names recipe, network and epoch."""


@dataclass(frozen=True)
class EpochLog:
    """How well a network does on one split after an epoch.

    Loss (the recipe's own), accuracy, precision and recall are measured with dropout off.
    ``accuracy_dropout_on`` draws one mask an image: the article's listing computes its training
    accuracy before it switches dropout off. Precision and recall are macro-averaged over the
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
    """A network and the log of its training.

    Attributes:
        network: on the CPU, in evaluation mode.
        log: per epoch a row for each split, if it was watched.
        seconds: wall time of its training, watching left out; of networks trained together each
            has an even share. NaN where it is not known.
    """

    network: Network
    log: tuple[EpochLog, ...]
    seconds: float


def train_network(
    recipe: Recipe,
    index: int,
    training: LabelledImages,
    validation: LabelledImages | None = None,
    *,
    engine: Engine,
    seed: int = 0,
) -> TrainedNetwork:
    """One network of the recipe; see `train_networks`.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    (outcome,) = train_networks(recipe, [index], training, validation, engine=engine, seed=seed)
    if isinstance(outcome, TrainingDivergedError):
        raise outcome
    return outcome


def train_networks(
    recipe: Recipe,
    indices: Sequence[int],
    training: LabelledImages,
    validation: LabelledImages | None = None,
    *,
    engine: Engine,
    seed: int = 0,
) -> list[TrainedNetwork | TrainingDivergedError]:
    """Networks of the recipe: weights, order and masks of each follow from (seed, index).

    Without validation images there is no log: watching a network takes longer than training it. A
    network whose loss becomes NaN or infinite is given up, and its error returned instead; the
    others are not affected.
    """
    networks = [initial_network(recipe, index, seed=seed) for index in indices]
    randoms = [np.random.default_rng(derive_seed("training", seed, index)) for index in indices]
    start = perf_counter()
    trainer = engine.trainer(networks, recipe, training)
    seconds = perf_counter() - start
    splits = {"training": training, "validation": validation} if validation else {}
    logs: list[list[EpochLog]] = [[] for _ in indices]
    diverged: dict[int, TrainingDivergedError] = {}
    for epoch in range(1, recipe.epochs + 1):
        start = perf_counter()
        losses = trainer.epoch(*_orders_and_masks(recipe, len(training.labels), randoms))
        seconds += perf_counter() - start
        for i, loss in enumerate(losses):
            foreseen = loss if _is_finite(networks[i]) else math.nan
            if i not in diverged and not math.isfinite(foreseen):
                diverged[i] = _diverged(recipe, indices[i], epoch, foreseen)
        if len(diverged) == len(indices):
            break
        sound = [i for i in range(len(indices)) if i not in diverged]
        for split, data in splits.items():
            outputs = engine.prepare([networks[i] for i in sound]).logits(data.images)
            for i, off in zip(sound, outputs, strict=True):
                keep_mask = _evaluation_masks(recipe, seed, indices[i], epoch, split, data)
                on = engine.logits(networks[i], data.images, keep_mask) if recipe.dropout else off
                logs[i].append(_epoch_log(recipe, off, on, data.labels, epoch, split))
    return [
        diverged.get(i) or TrainedNetwork(networks[i].cpu(), tuple(logs[i]), seconds / len(indices))
        for i in range(len(indices))
    ]


def initial_network(recipe: Recipe, index: int, *, seed: int = 0) -> Network:
    """Network ``index`` of the recipe before its first step."""
    network = recipe.network(
        mean=recipe.mean,
        std=recipe.std,
        dropout=recipe.dropout,
        generator=torch.Generator().manual_seed(derive_seed("weights", seed, index)),
    )
    return network.eval()


def _orders_and_masks(
    recipe: Recipe, images: int, randoms: Sequence[np.random.Generator]
) -> tuple[Int64[Tensor, "networks images"], Bool[Tensor, "networks images channels"]]:
    """An epoch's orders of the images, and the channels that dropout keeps at each position."""
    orders, masks = [], []
    for random in randoms:
        order = random.permutation(images) if recipe.shuffled else np.arange(images)
        orders.append(torch.from_numpy(order))
        masks.append(draw_masks(random, images, recipe.network.channels, recipe.dropout))
    return torch.stack(orders), torch.stack(masks)


def _evaluation_masks(
    recipe: Recipe, seed: int, index: int, epoch: int, split: str, data: LabelledImages
) -> Bool[Tensor, "images channels"]:
    """Drawn from a stream of their own, so that watching a network does not change it."""
    random = np.random.default_rng(derive_seed("evaluation", seed, index, epoch, split))
    return draw_masks(random, len(data.labels), recipe.network.channels, recipe.dropout)


def _is_finite(network: Network) -> bool:
    """The last step of an epoch can spoil weights that no loss has seen yet."""
    return all(bool(parameter.isfinite().all()) for parameter in network.parameters())


def _diverged(recipe: Recipe, index: int, epoch: int, loss: float) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"network {index} of recipe {recipe.name!r}: the loss became {loss} in epoch {epoch}; "
        f"check the images, or make a recipe of a learning rate below {recipe.learning_rate}"
    )


def _epoch_log(
    recipe: Recipe,
    off: Float[Tensor, "images classes"],
    on: Float[Tensor, "images classes"],
    labels: Int64[Tensor, " images"],
    epoch: int,
    split: str,
) -> EpochLog:
    """From the logits with dropout off and on."""
    # Here, not above: networks can predict where scikit-learn is not installed.
    from sklearn.metrics import precision_recall_fscore_support

    votes = off.argmax(dim=1)
    precision, recall, _, _ = precision_recall_fscore_support(
        labels, votes, average="macro", zero_division=0.0
    )
    return EpochLog(
        epoch=epoch,
        split=split,
        loss=recipe.mean_loss(off, labels).item(),
        accuracy=(votes == labels).double().mean().item(),
        precision=float(precision),
        recall=float(recall),
        accuracy_dropout_on=(on.argmax(dim=1) == labels).double().mean().item(),
    )
