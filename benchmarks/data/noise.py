"""Images of independent pixels, which show nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Noise = Callable[[int, tuple[int, ...]], Float[Tensor, "images ..."]]
"""From a seed and the shape of the images to them."""


def uniform_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "images ..."]:
    """Each pixel uniform in [0, 1)."""
    return torch.from_numpy(generator_of("uniform_noise", seed).random(shape, dtype=np.float32))


def gaussian_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "images ..."]:
    """Mean 0.5, standard deviation 0.25, clipped to [0, 1]."""
    normal = generator_of("gaussian_noise", seed).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy((0.5 + 0.25 * normal).clip(0, 1))


NOISES: Mapping[str, Noise] = {"uniform_noise": uniform_noise, "gaussian_noise": gaussian_noise}
"""By name."""


def generator_of(name: str, seed: int) -> np.random.Generator:
    """The name takes part, so that sets of one seed do not share their random numbers."""
    return np.random.default_rng([seed, *name.encode()])
