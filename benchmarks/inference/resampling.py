"""Every measure of every method on resampled images, and their covariances.

The resamples are the same for all methods. An image and its rotations are drawn together, each set
of other images separately; detection combines a set's draw with that of its reference's images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.covariance import ResampleCovariance
from benchmarks.inference.image_sets import ImageSet, weights_of
from benchmarks.inference.image_values import ImageValues, StoredValues, prepared
from benchmarks.metrics import METRICS, Family, Metric, in_families
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.records import members_text
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import mean_name
from methods.scores import of_probabilities

Values = NDArray[np.float64]

Load = Callable[[RunUnit, str], StoredPrediction | None]
"""A run unit's prediction under a condition, if there is one."""


class ResamplingTask(NamedTuple):
    """What is resampled in one call, of a size that fits into memory.

    Attributes:
        recipes: those whose methods are compared; methods that train themselves are in each.
        conditions: some that are made of the same images, or averaged by the mean over a group.
        families: of the metrics that are computed.
        score: the score that these need, else empty.
        references: the conditions that these are compared with.
    """

    recipes: tuple[str, ...]
    conditions: tuple[Condition, ...]
    families: tuple[type[Family], ...]
    score: str = ""
    references: tuple[Condition, ...] = ()

    @property
    def in_families(self) -> list[Family]:
        """The metrics by family."""
        return in_families(m for m in METRICS.values() if m.family in self.families)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order of the arrays of `Resampled`."""
        return [metric for family in self.in_families for metric in family.metrics]

    @property
    def needs(self) -> frozenset[str]:
        """What its metrics need."""
        return frozenset(need for family in self.families for need in family.needs)

    @property
    def images(self) -> list[ImageSet]:
        """The images of each condition."""
        return [self._images_of(condition) for condition in self.conditions]

    @property
    def reference_images(self) -> list[ImageSet]:
        """The images of each condition's reference."""
        known = self._known
        return [self._images_of(known[condition.reference]) for condition in self.conditions]

    @property
    def averaged(self) -> dict[str, list[int]]:
        """By group, the positions of its conditions that are in its mean."""
        groups: dict[str, list[int]] = {}
        for position, condition in enumerate(self.conditions):
            if condition.in_mean:
                groups.setdefault(condition.group, []).append(position)
        return groups

    @property
    def _known(self) -> dict[str, Condition]:
        return {condition.name: condition for condition in (*self.references, *self.conditions)}

    def _images_of(self, condition: Condition) -> ImageSet:
        paired = self._known.get(condition.paired_with, condition)
        return ImageSet(condition.paired_with, paired.data, condition.subset)


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
        units: the run units with predictions, sorted.
        members: of each run unit.
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


class _Part(NamedTuple):
    """One run unit's metrics of one family under one condition, and where they are written."""

    family: Family
    prepared: Any
    place: tuple[slice, int, int]
    images: ImageSet
    reference_images: ImageSet


def resampling_tasks(
    recipes: Iterable[tuple[str, ...]],
    conditions: Iterable[Condition],
    method_scores: Iterable[str] = (),
) -> list[ResamplingTask]:
    """All resampling tasks of recipes that are compared with one another, and of conditions.

    ``method_scores``: the methods' own scores.
    """
    known = {condition.name: condition for condition in conditions}
    families = [family for family in _families() if family.resampled]
    ranking = tuple(family for family in families if "score" in family.needs)
    parts = [(ranking, score) for score in (*of_probabilities(), *method_scores) if ranking]
    parts += [((family,), "") for family in families if family not in ranking]
    return [
        ResamplingTask(compared, together, chosen, score, _references(together, known))
        for together in _drawn_together(known.values())
        for compared in recipes
        for chosen, score in parts
    ]


def resample(
    task: ResamplingTask, units: Iterable[RunUnit], load: Load, *, resamples: int, seed: int
) -> Resampled | None:
    """Measure run units on resampled images; ``None`` if there is nothing to measure."""

    def values(unit: RunUnit, condition: str) -> ImageValues | None:
        stored = load(unit, condition)
        return None if stored is None else StoredValues(stored)

    resampling = Resampling.of(task, units, values)
    if resampling is None:
        return None
    for weights in weights_of(resampling.sizes, resamples, seed):
        resampling.add(weights)
    return resampling.result


@dataclass(frozen=True, eq=False)
class Resampling:
    """A task at work: measured on the images themselves, then on resamples that are added.

    Attributes:
        sizes: of the sets of images that resamples are drawn of.
    """

    task: ResamplingTask
    parts: list[_Part]
    members: dict[RunUnit, str]
    sizes: dict[ImageSet, int]

    @classmethod
    def of(
        cls,
        task: ResamplingTask,
        units: Iterable[RunUnit],
        load: Callable[[RunUnit, str], ImageValues | None],
    ) -> Resampling | None:
        """The task with the images sorted or binned; ``None`` if there is none to measure."""
        parts: list[_Part] = []
        members: dict[RunUnit, str] = {}
        sizes = dict.fromkeys((*task.images, *task.reference_images), 0)
        for unit in sorted(units):
            for k, own, reference in _loaded(task, cache(partial(load, unit))):
                members.setdefault(unit, members_text(own.members))
                images, reference_images = task.images[k], task.reference_images[k]
                sizes[images], sizes[reference_images] = own.images, reference.images
                against = reference if task.conditions[k].detected else None
                row = 0
                for family in task.in_families:
                    place = slice(row, row := row + len(family.metrics)), k, len(members) - 1
                    if (arranged := prepared(family, task.score, own, against)) is not None:
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
            units=tuple(self.members),
            members=tuple(self.members.values()),
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


def _drawn_together(conditions: Iterable[Condition]) -> list[tuple[Condition, ...]]:
    """The conditions by what joins them: the same images, or the mean over their group."""
    joined: list[tuple[set[tuple[str, str]], list[Condition]]] = []
    for condition in conditions:
        keys = {("images", condition.paired_with)}
        keys |= {("mean", condition.group)} if condition.in_mean else set()
        touched = [one for one in joined if keys & one[0]]
        together = [member for _, members in touched for member in members]
        new = keys.union(*(one[0] for one in touched)), [*together, condition]
        position = joined.index(touched[0]) if touched else len(joined)
        joined = [one for one in joined if one not in touched]
        joined.insert(position, new)
    return [tuple(together) for _, together in joined]


def _references(
    together: tuple[Condition, ...], known: Mapping[str, Condition]
) -> tuple[Condition, ...]:
    """The conditions that some are compared with; each once, in their order."""
    names = dict.fromkeys(condition.reference for condition in together)
    return tuple(known[name] for name in names)


def _families() -> list[type[Family]]:
    return list(dict.fromkeys(metric.family for metric in METRICS.values()))
