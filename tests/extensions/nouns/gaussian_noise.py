"""Conditions: the task's test images with Gaussian noise of two severities."""

from functools import partial

import torch
from torch import Tensor

from benchmarks.tasks.task import Condition


def noisy(images: Tensor, std: float) -> Tensor:
    """From [images, channels, height, width] in [0, 1] to the same."""
    generator = torch.Generator().manual_seed(0)
    return (images + std * torch.randn(images.shape, generator=generator)).clamp(0, 1)


GAUSSIAN_NOISE = tuple(
    Condition(
        name=f"noise-{percent}",
        label=f"Noise {percent} %",
        group="noisy",
        data="mnist",
        severity=percent,
        unit="% of white",
        in_mean=True,
        transform=partial(noisy, std=percent / 100),
    )
    for percent in (20, 40)
)
