"""Translate images along their width; the conditions of translated test images."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.conditions import OF_SHIFTS, Condition


def translated(
    images: Float[Tensor, "images channels height width"], pixels: int
) -> Float[Tensor, "images channels height width"]:
    """The images rolled to the right by pixels: what leaves at one side enters at the other.

    As Ovadia et al. 2019, "Can You Trust Your Model's Uncertainty?", section 4.1: their code rolls
    MNIST along its width.

    >>> translated(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1).tolist()
    [[[[3.0, 1.0, 2.0]]]]
    """
    return torch.roll(images, pixels, dims=-1)


def translations(data: str, distances: Iterable[int]) -> tuple[Condition, ...]:
    """A condition a distance in pixels, of the task's test images; their labels stay valid."""
    return tuple(
        Condition(
            name=f"translated-{distance:02d}",
            label=f"{distance} px",
            group="translated",
            data=data,
            severity=distance,
            unit="pixels",
            in_mean=True,
            presets=OF_SHIFTS,
            transform=partial(translated, pixels=distance),
        )
        for distance in distances
    )
