"""The bootstrap's weights, how often each resample has each image, and means by these weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from benchmarks.inference.bootstrap.kernels import count_draws

BLOCK = 128
"""Resamples a block: so many accumulators fit into the fastest cache."""


def image_weights(
    images: int, resamples: int, seed: int
) -> Iterator[UInt8[np.ndarray, "images block"]]:
    """Multinomial weights of the bootstrap (Efron 1979), in blocks of at most `BLOCK` resamples.

    Each column counts how often each image is among ``images`` draws with replacement, so columns
    sum to ``images``. The same seed gives the same resamples: use one for all methods, and for
    conditions made of the same images. The first resamples
    do not depend on how many follow.

    >>> [block.sum(axis=0).tolist() for block in image_weights(5, 3, seed=0)]
    [[5, 5, 5]]
    """
    random = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        drawn = random.integers(images, size=(BLOCK, images), dtype=np.uint32)
        # An image drawn 256 times would overflow, once in more than 10^400 resamples.
        weights = np.zeros((images, min(BLOCK, resamples - start)), dtype=np.uint8)
        count_draws(drawn, weights)
        yield weights


def weighted_means(
    contributions: Float64[np.ndarray, "rows images"],
    weights: UInt8[np.ndarray, "images resamples"],
) -> Float64[np.ndarray, "rows resamples"]:
    """Each row's mean over the images, by the images' weights.

    >>> weighted_means(np.array([[1.0, 4.0]]), np.array([[1, 2], [1, 0]], dtype=np.uint8))
    array([[2.5, 1. ]])
    """
    # Multiplied by PyTorch: bits depend on the number of threads, and PyTorch's is set to one.
    drawn = torch.from_numpy(weights).double()
    totals = torch.from_numpy(contributions) @ drawn
    means: Float64[np.ndarray, "rows resamples"] = (totals / drawn.sum(dim=0)).numpy()
    return means
