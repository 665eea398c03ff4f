"""A corruption: what is done to images, and the seed of its random numbers, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, UInt8

Images = Float64[np.ndarray, "images 28 28"]
"""In [0, 1]; 0 is black."""

Function = Callable[[Images, np.random.Generator], Images]
"""From images, and a generator that each of them draws from anew, to the corrupted images."""

SIDE = 28
"""Of an image, in pixels: the severities are those of images of this size."""

BLOCK = 500
"""So many images are corrupted at once, for the memory's sake; random numbers follow from it."""


@dataclass(frozen=True)
class Corruption:
    """One of the fifteen corruptions of MNIST-C (Mu & Gilmer 2019).

    Attributes:
        name: that of its folder in the published archive.
        label: in print.
        function: what is done, by the definition and the severity of MNIST-C.
        seed: of the random numbers, the same in all runs: everybody has the same images.
    """

    name: str
    label: str
    function: Function = field(compare=False)
    seed: int

    def apply(self, images: UInt8[np.ndarray, "images 28 28"]) -> UInt8[np.ndarray, "images 28 28"]:
        """The corrupted images, 0 to 255, rounded to the nearest; they follow from the images.

        How an image is corrupted depends on how many are before it, and after it in its block.

        Raises:
            ValueError: the images are not of 28x28 pixels.
        """
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(
                f"the images have the shape {list(images.shape)}; expected [images, {SIDE}, "
                f"{SIDE}]: corruptions are defined for this size"
            )
        generator = np.random.default_rng(self.seed)
        corrupted = np.empty_like(images)
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            corrupted[block] = np.rint(255 * self.function(images[block] / 255, generator))
        return corrupted
