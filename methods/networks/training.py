"""Train networks by a recipe, and log how well each does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from methods.engines.base import Engine
from methods.engines.machine import machine
from methods.networks.labelled_images import LabelledImages
from methods.networks.log import EpochLog, Watch
from methods.networks.masks import draw_masks
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.seeds import derive_seed


class TrainingDivergedError(Exception):
    """A network's loss became NaN or infinite; the message names recipe, network and epoch."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network and the log of its training.

    Attributes:
        network: on the CPU, in evaluation mode.
        log: per epoch a row for each split, if it was watched.
        seconds: wall time of its training, watching left out; of networks trained together each
            has an even share. NaN where it is not known.
        machine: what trained it; empty where it is not known.
    """

    network: Network
    log: tuple[EpochLog, ...]
    seconds: float
    machine: str = field(default_factory=machine)


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

    Without validation images there is no log, whose making takes time (see `Watch`). A network
    whose loss becomes NaN or infinite is given up, and its error returned instead; the others are
    not affected.
    """
    networks = [initial_network(recipe, index, seed=seed) for index in indices]
    randoms = [np.random.default_rng(derive_seed("training", seed, index)) for index in indices]
    start = perf_counter()
    trainer = engine.trainer(networks, recipe, training)
    seconds = perf_counter() - start
    watch = Watch(recipe, engine, seed, training, validation) if validation else None
    logs: list[list[EpochLog]] = [[] for _ in indices]
    given_up: dict[int, TrainingDivergedError] = {}
    for epoch in range(1, recipe.epochs + 1):
        start = perf_counter()
        losses = trainer.epoch(*orders_and_masks(recipe, len(training.labels), randoms))
        seconds += perf_counter() - start
        for i, loss in enumerate(losses):
            foreseen = loss if is_finite(networks[i]) else math.nan
            if i not in given_up and not math.isfinite(foreseen):
                given_up[i] = diverged(recipe, indices[i], epoch, foreseen)
        if len(given_up) == len(indices):
            break
        sound = [i for i in range(len(indices)) if i not in given_up]
        if watch:
            rows = watch.after(epoch, [networks[i] for i in sound], [indices[i] for i in sound])
            for i, row in zip(sound, rows, strict=True):
                logs[i].extend(row)
    return [
        given_up.get(i) or TrainedNetwork(networks[i].cpu(), tuple(logs[i]), seconds / len(indices))
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


def orders_and_masks(
    recipe: Recipe, images: int, randoms: Sequence[np.random.Generator]
) -> tuple[Int64[Tensor, "networks images"], Bool[Tensor, "networks images channels"]]:
    """An epoch's orders of the images, and the channels that dropout keeps at each position."""
    orders, masks = [], []
    for random in randoms:
        order = random.permutation(images) if recipe.shuffled else np.arange(images)
        orders.append(torch.from_numpy(order))
        masks.append(draw_masks(random, images, recipe.network.channels, recipe.dropout))
    return torch.stack(orders), torch.stack(masks)


def is_finite(network: Network) -> bool:
    """The last step of an epoch can spoil weights that no loss has seen yet."""
    return all(bool(parameter.isfinite().all()) for parameter in network.parameters())


def diverged(recipe: Recipe, index: int, epoch: int, loss: float) -> TrainingDivergedError:
    """The error that names recipe, network and epoch."""
    return TrainingDivergedError(
        f"network {index} of recipe {recipe.name!r}: the loss became {loss} in epoch {epoch}; "
        f"check the images, or make a recipe of a learning rate below {recipe.learning_rate}"
    )
