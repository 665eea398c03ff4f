"""A model of networks, image by image, by which the truth that intervals are to cover is known.

The logits of network r for image i and class c are μ_ic + Σ_k u_ick f_rk + σ_ic ε_ric with standard
normal f and ε. Its parameters are those of 100 networks with dropout on 1,000 test
images, as they are, rotated by 45°, and 1,000 images of Fashion-MNIST: mean, leading principal
components over networks, and what these leave. A network's factors act on all images alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FILE = Path(__file__).with_name("per_image_model.npz")

IMAGES = 1000
CLEAN, ROTATED, UNKNOWN = "clean", "rotated-045", "ood-fashion_mnist"
CONDITIONS = CLEAN, ROTATED, UNKNOWN


@dataclass(frozen=True)
class PerImageModel:
    """See above; arrays have the axes [conditions, images, classes].

    Attributes:
        factors: [factors, conditions, images, classes].
        labels: of the clean and the rotated images.
    """

    mean: Floats
    factors: Floats
    spread: Floats
    labels: NDArray[np.int64]

    def logits(self, random: np.random.Generator, networks: int, *conditions: str) -> list[Floats]:
        """Of so many networks under each condition, [networks, images, classes]."""
        shared = random.standard_normal((networks, len(self.factors)), np.float32)
        every = []
        for own in map(CONDITIONS.index, conditions):
            drawn = random.standard_normal((networks, *self.mean.shape[1:]), np.float32)
            drawn *= self.spread[own]
            drawn += np.einsum("rk,kic->ric", shared, self.factors[:, own], optimize=True)
            every.append(drawn + self.mean[own])
        return every


@cache
def model() -> PerImageModel:
    """The fitted model."""
    with np.load(FILE) as arrays:
        floats = {name: arrays[name].astype(np.float32) for name in ("mean", "factors", "spread")}
        return PerImageModel(**floats, labels=arrays["labels"].astype(np.int64))
