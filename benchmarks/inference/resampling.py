"""Every measure of every method on resampled images, and their covariances.

The resamples are the same for all methods. An image and its rotations are drawn together, each set
of other images separately; detection combines a set's draw with that of its reference's images.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.covariance import ResampleCovariance
from benchmarks.inference.image_sets import ImageSet, weights_of
from benchmarks.inference.image_values import ImageValues, StoredValues, prepared
from benchmarks.inference.resampling_tasks import ResamplingTask
from benchmarks.metrics import Family
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import members_text
from benchmarks.vocabulary import mean_name

Values = NDArray[np.float64]

Load = Callable[[RunUnit, str], StoredPrediction | None]
"""A run unit's prediction under a condition, if there is one."""


class Resampled(NamedTuple):
    """The measures of a resampling task; NaN where they are undefined.

    Attributes:
        conditions: the task's, by name, and the means over groups.
        images: how many each of them has; a mean as many as the smallest set that it averages.
        reference_images: the same of the images that detection compares each with.
        drawn_together: whether each has one image a draw; no mean over several sets of images has.
        estimates: [metrics, conditions, units], of the images themselves.
        covariance: [metrics, conditions, units, units], over the resamples.
        undefined: [metrics, conditions, units], the share of resamples without a value.
        units: the run units with predictions, sorted; one for each score that it is measured by.
        members: of each of these.
        scores: by which each of these ranks images; empty: by none.
    """

    conditions: tuple[str, ...]
    images: tuple[int, ...]
    reference_images: tuple[int, ...]
    drawn_together: tuple[bool, ...]
    estimates: Values
    covariance: Values
    undefined: Values
    units: tuple[RunUnit, ...]
    members: tuple[str, ...]
    scores: tuple[str, ...]


class Column(NamedTuple):
    """A run unit, and the score by which it is measured; empty: the metrics need none."""

    unit: RunUnit
    score: str


class _Part(NamedTuple):
    """One run unit's metrics of one family under one condition, and where they are written."""

    family: Family
    prepared: Any
    place: tuple[slice, int, int]
    images: ImageSet
    reference_images: ImageSet


def resample(
    task: ResamplingTask,
    units: Iterable[RunUnit],
    load: Load,
    *,
    resamples: int,
    seed: int,
    calibration: Callable[[RunUnit], StoredPrediction | None] = lambda _: None,
    instead: Mapping[str, str] = MappingProxyType({}),
    of_single: Collection[str] = (),
) -> Resampled | None:
    """Measure run units on resampled images; ``None`` if there is nothing to measure.

    Args:
        task: what is measured.
        units: of what.
        load: loads a prediction.
        resamples, seed: how many there are, and what they follow from.
        calibration: loads a unit's prediction of the calibration images.
        instead: of some methods, the score that ranks their images where the task's score is
            another method's own. Where scores are compared with one another, it is used as well.
        of_single: the methods of a single network, which the further scores of a task are of.
    """
    calibrated = cache(calibration if "calibration" in task.needs else lambda _: None)

    def values(unit: RunUnit, condition: str) -> ImageValues | None:
        stored = load(unit, condition)
        return None if stored is None else StoredValues(stored, calibrated(unit))

    resampling = Resampling.of(task, units, values, instead, of_single)
    if resampling is None:
        return None
    for weights in weights_of(resampling.sizes, resamples, seed):
        resampling.add(weights)
    return resampling.result


@dataclass(frozen=True, eq=False)
class Resampling:
    """A task at work: measured on the images themselves, then on resamples that are added.

    Attributes:
        members: of what is measured, in the order of the columns.
        sizes: of the sets of images that resamples are drawn of.
    """

    task: ResamplingTask
    parts: list[_Part]
    members: dict[Column, str]
    sizes: dict[ImageSet, int]

    @classmethod
    def of(
        cls,
        task: ResamplingTask,
        units: Iterable[RunUnit],
        load: Callable[[RunUnit, str], ImageValues | None],
        instead: Mapping[str, str] = MappingProxyType({}),
        of_single: Collection[str] = (),
    ) -> Resampling | None:
        """The task with the images sorted or binned; ``None`` if there is none to measure."""
        parts: list[_Part] = []
        members: dict[Column, str] = {}
        sizes = dict.fromkeys((*task.images, *task.reference_images), 0)
        for unit in sorted(units):
            for k, own, reference in _loaded(task, cache(partial(load, unit))):
                images, reference_images = task.images[k], task.reference_images[k]
                sizes[images], sizes[reference_images] = own.images, reference.images
                against = reference if task.conditions[k].detected else None
                for score in _scores(task, unit, own, instead, of_single):
                    members.setdefault(column := Column(unit, score), members_text(own.members))
                    position, row = list(members).index(column), 0
                    for family in task.in_families:
                        place = slice(row, row := row + len(family.metrics)), k, position
                        if (arranged := prepared(family, score, own, against)) is not None:
                            parts.append(_Part(family, arranged, place, images, reference_images))
        return cls(task, parts, members, sizes) if parts else None

    def add(self, weights: Mapping[ImageSet, Weights]) -> None:
        """Measure a block of resamples."""
        self._covariance.add(self._measured(weights))

    @property
    def result(self) -> Resampled:
        """The measures, with their covariances over the resamples that were added."""
        names = [condition.name for condition in self.task.conditions]
        averaged = [[position] for position in range(len(names))]
        averaged += self.task.averaged.values()

        def smallest(sets: list[ImageSet]) -> tuple[int, ...]:
            return tuple(min(self.sizes[sets[k]] for k in each) for each in averaged)

        return Resampled(
            conditions=(*names, *map(mean_name, self.task.averaged)),
            images=smallest(self.task.images),
            reference_images=smallest(self.task.reference_images),
            drawn_together=tuple(
                len({self.task.images[k] for k in each}) == 1 for each in averaged
            ),
            estimates=self._estimates,
            covariance=self._covariance.covariance,
            undefined=self._covariance.undefined,
            units=tuple(column.unit for column in self.members),
            members=tuple(self.members.values()),
            scores=tuple(column.score for column in self.members),
        )

    @cached_property
    def _estimates(self) -> Values:
        return self._measured({images: each_once(n) for images, n in self.sizes.items()})[..., 0]

    @cached_property
    def _covariance(self) -> ResampleCovariance:
        return ResampleCovariance(self._estimates)

    def _measured(self, weights: Mapping[ImageSet, Weights]) -> Values:
        """All measures [metrics, conditions, units, resamples], means over groups among them."""
        task, resamples = self.task, next(iter(weights.values())).shape[1]
        shape = len(task.metrics), len(task.conditions), len(self.members), resamples
        values = np.full(shape, np.nan)
        for part in self.parts:
            own, of_reference = weights[part.images], weights[part.reference_images]
            values[part.place] = part.family.evaluate(part.prepared, own, of_reference)
        groups = task.averaged.values()
        means = [values[:, averaged].mean(axis=1, keepdims=True) for averaged in groups]
        return np.concatenate([values, *means], axis=1) if means else values


def _loaded(
    task: ResamplingTask, load: Callable[[str], ImageValues | None]
) -> Iterator[tuple[int, ImageValues, ImageValues]]:
    """The position of each condition with predictions, these, and its reference's."""
    for k, condition in enumerate(task.conditions):
        own, reference = load(condition.name), load(condition.reference)
        if own is not None and reference is not None:
            yield k, own, reference


def _scores(
    task: ResamplingTask,
    unit: RunUnit,
    own: ImageValues,
    instead: Mapping[str, str],
    of_single: Collection[str],
) -> Iterator[str]:
    """By which scores a run unit is measured."""
    if task.further_scores:
        yield instead[unit.method]
        if unit.method in of_single:
            yield from (score for score in task.further_scores if own.score(score) is not None)
    elif task.score and own.score(task.score) is None:
        yield instead.get(unit.method, task.score)
    else:
        yield task.score
