"""Every measure of every method on resampled images.

The resamples are the same for all methods. An image and its rotations are drawn together, each set
of other images separately; detection combines a set's draw with that of its reference's images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from benchmarks.metrics import Family
from benchmarks.metrics.kernels import count_draws
from benchmarks.metrics.metric import Weights
from benchmarks.predictions import RunUnit
from benchmarks.tasks.task import Condition
from methods.determinism import derive_seed

BLOCK = 128
"""Resamples a block: so many accumulators fit into the fastest cache."""

MOST_DRAWN = 2**22
"""How many images are drawn at once, so that this needs little memory."""

MeasureName = tuple[str, str]
"""A metric, and the score by which it ranks images; empty: by none."""

ResampledValues = Float64[np.ndarray, " values"]
"""Of a measure: on the images themselves, then on every resample."""


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

    @classmethod
    def of(cls, condition: Condition, conditions: Mapping[str, Condition]) -> ImageSet:
        """That of a condition, among all by their names."""
        paired = conditions.get(condition.paired_with, condition)
        return cls(condition.paired_with, paired.data, condition.subset)

    def weights(
        self, images: int, resamples: int, seed: int, block: int = BLOCK
    ) -> Iterator[Weights]:
        """Its resamples, in blocks; see `image_weights`."""
        # Seeds are derived from these words, so that "small" stays as it is.
        kind = "small" if self.subset else "all"
        own_seed = derive_seed("resamples", seed, kind, self.data)
        return image_weights(images, resamples, own_seed, block)


@dataclass(eq=False)
class Draws:
    """The measures of all run units on some images.

    Attributes:
        condition: its name, or that of the mean over a group of conditions.
        shift: the condition itself; ``None``: such a mean.
        images: how many there are; of a mean as many as the smallest set that it averages.
        reference_images: the same of the images that detection compares them with.
        drawn_together: whether there is one image a draw; no mean over several sets of images has.
        with_mean: whether the mean over its group is measured too.
        members: of each run unit.
        values: of each measure, by run unit; without those that it is undefined for.
    """

    condition: str
    shift: Condition | None
    images: int = 0
    reference_images: int = 0
    drawn_together: bool = True
    with_mean: bool = False
    members: dict[RunUnit, str] = field(default_factory=dict)
    values: dict[MeasureName, dict[RunUnit, ResampledValues]] = field(default_factory=dict)

    def add(
        self,
        unit: RunUnit,
        family: Family,
        score: str,
        values: Float64[np.ndarray, " metrics"],
        drawn: Float64[np.ndarray, "metrics resamples"],
    ) -> None:
        """Add a unit's metrics of a family by a score, on the images and on the resamples."""
        both = np.concatenate([values[:, None], drawn], axis=1)
        for metric, metric_values in zip(family.metrics, both, strict=True):
            if not np.isnan(metric_values[0]):
                self.values.setdefault((metric.name, score), {})[unit] = metric_values


class MeanDraws:
    """The mean over the conditions of a group, draw by draw; conditions are added one by one.

    Args:
        condition: the name of the mean.
    """

    def __init__(self, condition: str) -> None:
        self._mean = Draws(condition, None)
        self._sets: list[ImageSet] = []

    def add(self, draws: Draws, images: ImageSet) -> None:
        """Add a condition, whose images are of a set; its values become those of the mean."""
        mean = self._mean
        if not self._sets:
            mean.images, mean.reference_images = draws.images, draws.reference_images
            mean.values = draws.values
        self._sets.append(images)
        mean.members |= draws.members
        mean.images = min(mean.images, draws.images)
        mean.reference_images = min(mean.reference_images, draws.reference_images)
        if len(self._sets) > 1:
            mean.values = {
                measure: _sums(by_unit, draws.values[measure])
                for measure, by_unit in mean.values.items()
                if measure in draws.values
            }

    def finish(self) -> Draws:
        """The mean of what was added, once; a run unit has it where each condition has a value."""
        mean = self._mean
        mean.drawn_together = len(set(self._sets)) == 1
        for by_unit in mean.values.values():
            for values in by_unit.values():
                values /= len(self._sets)
        return mean


def _sums(
    by_unit: Mapping[RunUnit, ResampledValues], others: Mapping[RunUnit, ResampledValues]
) -> dict[RunUnit, ResampledValues]:
    """The sums of what both have, in place."""
    both = {unit: values for unit, values in by_unit.items() if unit in others}
    for unit, values in both.items():
        values += others[unit]
    return both


def resampled(
    family: Family,
    prepared: Any,
    weights: Sequence[Weights],
    reference_weights: Sequence[Weights],
) -> Float64[np.ndarray, "metrics resamples"]:
    """The metrics of a family on resamples that come in blocks."""
    blocks = map(family.evaluate, [prepared] * len(weights), weights, reference_weights)
    return np.concatenate(list(blocks), axis=1)


def covariance_of(
    values: Float64[np.ndarray, "columns values"],
) -> tuple[Float64[np.ndarray, "columns columns"], Float64[np.ndarray, " columns"]]:
    """The covariance of columns over resamples, and the share of resamples without a value.

    A resample on which a measure is undefined or infinite counts as one with the estimate itself.

    Args:
        values: of each column on the images themselves, then on at least two resamples.
    """
    estimates, drawn = values[:, :1], values[:, 1:]
    resamples = drawn.shape[1]
    defined = np.isfinite(drawn) & np.isfinite(estimates)
    # Differences from the estimate, which is near their mean, so that no digits are lost.
    differences = np.where(defined, drawn, 0.0) - np.where(defined, estimates, 0.0)
    rows = torch.from_numpy(differences)
    mean = differences.mean(axis=1)
    centred = (rows @ rows.mT).numpy() - resamples * np.outer(mean, mean)
    return centred / (resamples - 1), (~defined).mean(axis=1)


def _drawn(
    random: np.random.Generator, images: int, resamples: int
) -> UInt8[np.ndarray, "images resamples"]:
    at_once = max(1, MOST_DRAWN // images)
    # An image drawn 256 times would overflow, once in more than 10^400 resamples.
    counts = np.zeros((resamples, images), dtype=np.uint8)
    for first in range(0, resamples, at_once):
        part = counts[first : first + at_once]
        count_draws(random.integers(images, size=part.shape, dtype=np.uint32), part)
    return np.ascontiguousarray(counts.T)
