"""What run units cost, for the division of a run into parts."""

from __future__ import annotations

EPOCH, BY_PASS, EXACTLY = 9.0, 0.15, 80_000.0
"""What an epoch of training costs for each test image, and a prediction by a pass with dropout or
by a slow method, as measured with the kernels; one network's prediction of an image costs 1."""


def prediction_cost(images: int, size: int | None, *, slow: bool, of_networks: bool) -> float:
    """Of a method of a size: so many images predicted.

    ``of_networks``: whether the size is a number of networks.
    """
    each = EXACTLY if slow else 1.0 if of_networks else BY_PASS
    return images * each * (size or 1)


def training_cost(epochs: int, test_images: int) -> float:
    """Of a network."""
    return epochs * EPOCH * test_images
