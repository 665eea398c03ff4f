"""Images that are drawn together, and the blocks of resamples of several such sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.inference.weights import BLOCK, image_weights
from benchmarks.metrics.metric import Weights
from methods.seeds import derive_seed

MOST_WEIGHTS = 2**27
"""How many a block has, a byte each, where it is not of `BLOCK` resamples."""


class ImageSet(NamedTuple):
    """Images that are drawn together: those of a condition, and of all that are paired with it.

    Attributes:
        name: of that condition.
        data: its data set, from which the resamples' seed is derived.
        subset: whether it has few of the images.
    """

    name: str
    data: str
    subset: bool

    def weights(self, images: int, resamples: int, seed: int, block: int) -> Iterator[Weights]:
        """Its resamples, in blocks; see `image_weights`."""
        # Seeds are derived from these words, so that "small" stays as it is.
        kind = "small" if self.subset else "all"
        own_seed = derive_seed("resamples", seed, kind, self.data)
        return image_weights(images, resamples, own_seed, block)


def block_size(sizes: Mapping[ImageSet, int]) -> int:
    """How many resamples a block has: of very many images fewer."""
    return max(1, min(BLOCK, MOST_WEIGHTS // max(sum(sizes.values()), 1)))


def weights_of(
    sizes: Mapping[ImageSet, int], resamples: int, seed: int
) -> Iterator[dict[ImageSet, Weights]]:
    """Blocks of resamples of each set of images."""
    block = block_size(sizes)
    drawn = [images.weights(size, resamples, seed, block) for images, size in sizes.items()]
    for blocks in zip(*drawn, strict=True):
        yield dict(zip(sizes, blocks, strict=True))
