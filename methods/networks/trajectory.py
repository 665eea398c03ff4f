"""One training of which several networks are kept: the snapshots of a trajectory of weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

import numpy as np

from methods.engines.base import Engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.networks.training import (
    TrainedNetwork,
    diverged,
    initial_network,
    is_finite,
    orders_and_masks,
)
from methods.seeds import derive_seed

STEPS = 10
"""In how many parts of an epoch the learning rate is constant."""


@dataclass(frozen=True)
class Trajectory:
    """How a network is trained on, and which ones are kept, all else being its recipe's.

    Attributes:
        name: of the method that it is for; a word.
        snapshots: how many networks are kept.
        epochs: between two that are kept.
        cyclic: whether the learning rate falls from the recipe's to zero before each of them, by a
            cosine (Huang et al. 2017, equation 2, in tenths of an epoch); else it is the recipe's.
        continued: whether it begins with the trained network; else with the initial one.
    """

    name: str
    snapshots: int
    epochs: int
    cyclic: bool
    continued: bool

    def text(self, snapshot: int) -> str:
        """What a stored network of it is called, by its number from 0; part of its key."""
        rate = "cosine" if self.cyclic else "constant"
        start = "trained" if self.continued else "initial"
        return f"{self.name} from {start}, {rate}, {self.epochs} epochs, {snapshot + 1}"

    def learning_rate(self, recipe: Recipe, epoch: int, step: int) -> float:
        """Of a tenth of an epoch, both counted from 0.

        >>> from methods.networks.recipes import PLAIN
        >>> cycles = Trajectory("cycles", 5, 4, cyclic=True, continued=False)
        >>> cycles.learning_rate(PLAIN, 4, 0), round(cycles.learning_rate(PLAIN, 6, 0), 6)
        (0.001, 0.0005)
        """
        if not self.cyclic:
            return recipe.learning_rate
        passed = (epoch % self.epochs + step / STEPS) / self.epochs
        return recipe.learning_rate * (1 + math.cos(math.pi * passed)) / 2


def train_trajectory(
    trajectory: Trajectory,
    recipe: Recipe,
    index: int,
    start: Network | None,
    training: LabelledImages,
    *,
    engine: Engine,
    seed: int = 0,
) -> list[TrainedNetwork]:
    """The networks that are kept; order and masks follow from (trajectory, seed, index).

    The optimiser begins anew, and keeps its moments from then on.

    Args:
        start: the trained network, which is left as it is; ``None``: the initial one.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    network = initial_network(recipe, index, seed=seed) if start is None else deepcopy(start)
    random = np.random.default_rng(derive_seed(trajectory.name, seed, index))
    begun = perf_counter()
    trainer = engine.trainer([network], recipe, training)
    kept: list[Network] = []
    for epoch in range(trajectory.snapshots * trajectory.epochs):
        order, masks = orders_and_masks(recipe, len(training.labels), [random])
        for step, part in _parts(len(training.labels), recipe.batch_size):
            rate = trajectory.learning_rate(recipe, epoch, step)
            (loss,) = trainer.epoch(order[:, part], masks[:, part], rate)
            if not (math.isfinite(loss) and is_finite(network)):
                raise diverged(recipe, index, epoch + 1, loss)
        if (epoch + 1) % trajectory.epochs == 0:
            kept.append(deepcopy(network).cpu())
    seconds = (perf_counter() - begun) / len(kept)
    return [TrainedNetwork(one, (), seconds) for one in kept]


def _parts(images: int, batch_size: int) -> Iterator[tuple[int, slice]]:
    """Tenths of an epoch, of whole batches, with their numbers; of few batches, some are empty."""
    batches = -(-images // batch_size)
    ends = [round(batches * step / STEPS) * batch_size for step in range(STEPS + 1)]
    return ((step, slice(*pair)) for step, pair in enumerate(pairwise(ends)) if pair[0] < pair[1])
