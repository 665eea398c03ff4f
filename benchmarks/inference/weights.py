"""The bootstrap's weights: how often each resample has each image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from benchmarks.metrics.kernels import count_draws

BLOCK = 128
"""Resamples a block: so many accumulators fit into the fastest cache."""

MOST_DRAWN = 2**22
"""How many images are drawn at once, so that this needs little memory."""


def image_weights(
    images: int, resamples: int, seed: int, block: int = BLOCK
) -> Iterator[UInt8[np.ndarray, "images block"]]:
    """Multinomial weights of the bootstrap (Efron 1979), in blocks of at most so many resamples.

    Each column counts how often each image is among ``images`` draws with replacement, so columns
    sum to ``images``. The same seed gives the same resamples: use one for all methods, and for
    conditions made of the same images. The first resamples do not depend on how many follow, nor
    on the size of the blocks.

    >>> [block.sum(axis=0).tolist() for block in image_weights(5, 3, seed=0)]
    [[5, 5, 5]]
    """
    random = np.random.default_rng(seed)
    for start in range(0, resamples, block):
        yield _drawn(random, images, min(block, resamples - start))


def _drawn(
    random: np.random.Generator, images: int, resamples: int
) -> UInt8[np.ndarray, "images resamples"]:
    at_once = max(1, MOST_DRAWN // images)
    # An image drawn 256 times would overflow, once in more than 10^400 resamples.
    counts = np.zeros((resamples, images), dtype=np.uint8)
    for first in range(0, resamples, at_once):
        some = counts[first : first + at_once]
        count_draws(random.integers(images, size=some.shape, dtype=np.uint32), some)
    return np.ascontiguousarray(counts.T)
