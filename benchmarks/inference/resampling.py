"""How a measure varies with the draw of images: a row of numbers for each run unit.

What a row is, `benchmarks.inference.evidence` says. An image is drawn with its rotations, and with
all images of its group, such as those of one writer; each set of other images is drawn separately.
Detection combines a set's draw with that of its reference's images. Resamples are the same for all
methods.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from benchmarks.metrics import Family
from benchmarks.metrics.metric import Weights
from benchmarks.tasks.task import Condition
from methods.determinism import derive_seed

BLOCK = 128
"""Resamples a block: so many accumulators fit into the fastest cache."""


def image_weights(
    images: int, resamples: int, seed: int
) -> Iterator[UInt8[np.ndarray, "images block"]]:
    """Multinomial weights of the bootstrap (Efron 1979), in blocks of at most 128 resamples.

    Where images are drawn in groups, these are the weights of the groups.

    Each column counts how often each image is among ``images`` draws with replacement, so columns
    sum to ``images``. The same seed gives the same resamples: use one for all methods, and for
    conditions made of the same images. The first resamples do not depend on how many follow.

    >>> [block.sum(axis=0).tolist() for block in image_weights(5, 3, seed=0)]
    [[5, 5, 5]]
    """
    random = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        counts = np.empty((min(BLOCK, resamples - start), images), dtype=np.uint8)
        for row in counts:
            # An image drawn 256 times would overflow, once in more than 10^400 resamples.
            drawn = random.integers(images, size=images, dtype=np.uint32)
            row[:] = np.bincount(drawn, minlength=images)
        yield np.ascontiguousarray(counts.T)


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

    def weights(self, groups: int, resamples: int, seed: int) -> Iterator[Weights]:
        """The resamples of its groups, in blocks; see `image_weights`."""
        # Seeds are derived from these words, so that "small" stays as it is.
        kind = "small" if self.subset else "all"
        own_seed = derive_seed("resamples", seed, kind, self.data)
        return image_weights(groups, resamples, own_seed)


class MetricRows(NamedTuple):
    """How the metrics of a family vary with the draw of images.

    Attributes:
        rows: see `benchmarks.inference.evidence`; as long as `Frame.groups` only if of images.
        undefined: of each metric the share of draws in which it has no finite value.
    """

    rows: Float64[np.ndarray, "metrics images"]
    undefined: Float64[np.ndarray, " metrics"]


class Frame:
    """Where the images of some conditions stand in a row, and how they are drawn.

    Each set of images stands once: an image that several conditions show, or a condition and its
    reference, has one place. A condition of fewer images has the first of its set.

    Args:
        images: by the names of these conditions, how many images each has.
        conditions: every condition, by name.
        resamples, seed: of the bootstrap, for families that know no influence.
        groups: by the names of conditions, each image's number of the group that it is drawn with;
            where none are given, each image is one.

    Attributes:
        images: as given.
        places: where those of each condition stand.
        groups: of each place a number from 0 of its group, which is of one set of images.

    Raises:
        ValueError: a condition has groups of another number of images.
    """

    def __init__(
        self,
        images: Mapping[str, int],
        conditions: Mapping[str, Condition],
        resamples: int,
        seed: int,
        groups: Mapping[str, Int64[np.ndarray, " images"] | None] = MappingProxyType({}),
    ) -> None:
        self.images = dict(images)
        self._resamples, self._seed = resamples, seed
        self._weights: dict[str, list[Weights]] = {}
        self._sets = {name: ImageSet.of(conditions[name], conditions) for name in images}
        sizes: dict[ImageSet, int] = {}
        for name, image_set in self._sets.items():
            sizes[image_set] = max(images[name], sizes.get(image_set, 0))
        self._groups = {image_set: np.arange(size) for image_set, size in sizes.items()}
        for name, image_set in self._sets.items():
            if (own := groups.get(name)) is None:
                continue
            if len(own) != images[name]:
                raise ValueError(
                    f"the condition {name!r} has groups of {len(own)} images; expected "
                    f"{images[name]}"
                )
            if len(own) == sizes[image_set]:
                self._groups[image_set] = np.unique(own, return_inverse=True)[1]
        starts: dict[ImageSet, int] = {}
        self.groups: Int64[np.ndarray, " images"] = np.zeros(0, np.int64)
        for image_set, numbers in self._groups.items():
            starts[image_set] = len(self.groups)
            following = self.groups.max(initial=-1) + 1 + numbers
            self.groups = np.concatenate([self.groups, following])
        self.places = {
            name: slice(starts[image_set], starts[image_set] + images[name])
            for name, image_set in self._sets.items()
        }

    def rows(self, family: Family, prepared: Any, condition: Condition) -> MetricRows:
        """Of the family's metrics under a condition.

        Args:
            prepared: its images, sorted or binned by the family.
        """
        influences = family.influence(prepared)
        if influences is None:
            return self._resampled(family, prepared, condition)
        rows = np.zeros((len(influences.own), len(self.groups)))
        rows[:, self.places[condition.name]] = influences.own / influences.own.shape[1]
        if (against := influences.reference) is not None:
            rows[:, self.places[condition.reference]] += against / against.shape[1]
        unknown = (~np.isfinite(rows)).any(axis=1)
        rows[unknown] = 0.0
        return MetricRows(rows, np.asarray(unknown, dtype=np.float64))

    def weights(self, name: str) -> list[Weights]:
        """The resamples of a condition's images, in blocks: an image is as often as its group."""
        if name not in self._weights:
            image_set, place = self._sets[name], self.places[name]
            numbers = self._groups[image_set]
            drawn = image_set.weights(int(numbers.max()) + 1, self._resamples, self._seed)
            own = numbers[: place.stop - place.start]
            self._weights[name] = [block[own] for block in drawn]
        return self._weights[name]

    def group_count(self, name: str) -> int:
        """How many groups a condition's images are of."""
        return len(np.unique(self.groups[self.places[name]]))

    def _resampled(self, family: Family, prepared: Any, condition: Condition) -> MetricRows:
        """Of the metrics on resamples; without a finite value, one counts as their mean."""
        reference = condition.reference if "reference" in family.needs else condition.name
        weights = zip(self.weights(condition.name), self.weights(reference), strict=True)
        drawn = np.concatenate([family.evaluate(prepared, *each) for each in weights], axis=1)
        defined = np.isfinite(drawn)
        count = np.maximum(defined.sum(axis=1, keepdims=True), 1)
        # Of differences from one of them, so that a constant leaves nothing.
        drawn = np.where(defined, drawn, 0.0)
        first = np.take_along_axis(drawn, defined.argmax(axis=1)[:, None], axis=1)
        apart = np.where(defined, drawn - first, 0.0)
        rows = np.where(defined, apart - apart.sum(axis=1, keepdims=True) / count, 0.0)
        if rows.shape[1] == len(self.groups):  # a zero more, by which they are known as no images'
            rows = np.pad(rows, ((0, 0), (0, 1)))
        return MetricRows(rows / math.sqrt(drawn.shape[1] - 1), (~defined).mean(axis=1))
