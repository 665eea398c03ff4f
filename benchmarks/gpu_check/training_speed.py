"""How long a device trains networks together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

from benchmarks.gpu_check.agreement import random_images
from methods.engines.base import Engine
from methods.networks.recipes import Recipe
from methods.networks.training import train_networks


@dataclass(frozen=True)
class TrainingSpeed:
    """The wall time of one epoch of networks that are trained in one call, as a run does.

    Attributes:
        recipe: of the networks.
        networks: how many.
        images: that each is trained on.
        seconds: of one epoch of all of them, without log.
    """

    recipe: str
    networks: int
    images: int
    seconds: float


def training_speed(recipe: Recipe, engine: Engine, networks: int, images: int) -> TrainingSpeed:
    """Train networks for an epoch on random images: speed does not depend on what they show.

    A short training comes first, in which the device makes its kernels ready.
    """
    once, numbers = replace(recipe, epochs=1), list(range(networks))
    train_networks(once, numbers, random_images(recipe, 2 * recipe.batch_size), engine=engine)
    training = random_images(recipe, images)
    start = perf_counter()
    train_networks(once, numbers, training, engine=engine)
    return TrainingSpeed(recipe.name, networks, images, round(perf_counter() - start, 3))
