"""What tests of corruptions share: images, and generators that draw what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.corruptions.corruption import Images
from methods.networks.recipes import LabelledImages


def grey(value: float, count: int = 1) -> Images:
    return np.full((count, 28, 28), value)


def random_images(count: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(256, size=(count, 28, 28)) / 255


def digits(images: LabelledImages, count: int) -> NDArray[np.uint8]:
    return np.rint(255 * images.images[:count, 0].numpy()).astype(np.uint8)


class Drawn(np.random.Generator):
    """A generator of which some distributions draw what a test says."""

    def __init__(self, **draw: Callable[..., Any]) -> None:
        super().__init__(np.random.PCG64(0))
        self.__dict__.update(draw)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
