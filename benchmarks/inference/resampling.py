"""Every measure of every method on resampled images, and their covariances.

The resamples are the same for all methods. An image and its rotations are drawn together, each set
of other images separately; detection combines a set's draw with that of its reference's images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.covariance import ResampleCovariance
from benchmarks.inference.weights import image_weights
from benchmarks.metrics import METRICS, Arrays, Family, Metric, in_families
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import mean_name
from methods.scores import of_probabilities, score_of
from methods.seeds import derive_seed

Values = NDArray[np.float64]

Load = Callable[[RunUnit, str], StoredPrediction | None]
"""A run unit's prediction under a condition, if there is one."""


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

    def weights(self, images: int, resamples: int, seed: int) -> Iterator[Weights]:
        """Its resamples, in blocks; see `image_weights`."""
        # Seeds are derived from these words, so that "small" stays as it is.
        kind = "small" if self.subset else "all"
        return image_weights(images, resamples, derive_seed("resamples", seed, kind, self.data))


class ResamplingTask(NamedTuple):
    """What is resampled in one call, of a size that fits into memory.

    Attributes:
        recipe: the recipe whose methods are compared; those that train themselves are in each.
        conditions: some that are made of the same images, or averaged by the mean over a group.
        families: of the metrics that are computed.
        score: the score that these need, else empty.
        references: the conditions that these are compared with.
    """

    recipe: str
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
    recipes: Iterable[str], conditions: Iterable[Condition], method_scores: Iterable[str] = ()
) -> list[ResamplingTask]:
    """All resampling tasks of recipes and conditions; `method_scores`: the methods' own scores."""
    known = {condition.name: condition for condition in conditions}
    families = [family for family in _families() if family.resampled]
    ranking = tuple(family for family in families if "score" in family.needs)
    parts = [(ranking, score) for score in (*of_probabilities(), *method_scores) if ranking]
    parts += [((family,), "") for family in families if family not in ranking]
    return [
        ResamplingTask(recipe, together, chosen, score, _references(together, known))
        for together in _drawn_together(known.values())
        for recipe in recipes
        for chosen, score in parts
    ]


def arrays_of(
    condition: Condition, stored: StoredPrediction, reference: StoredPrediction, score: str = ""
) -> Arrays:
    """What metrics are computed from, with one of the scores; without a reference to itself."""
    against = None if condition.name == condition.reference else reference.prediction
    return Arrays(
        stored.prediction,
        labels=stored.labels,
        reference=against,
        score=score_of(stored.prediction, score),
        reference_score=None if against is None else score_of(against, score),
        member_values=stored.member_values,
    )


def resample(
    task: ResamplingTask, units: Iterable[RunUnit], load: Load, *, resamples: int, seed: int
) -> Resampled | None:
    """Measure run units on resampled images; ``None`` if there is nothing to measure."""
    parts: list[_Part] = []
    members: dict[RunUnit, str] = {}
    sizes = dict.fromkeys((*task.images, *task.reference_images), 0)
    for unit in sorted(units):
        for k, stored, reference in _predictions(task, cache(partial(load, unit))):
            members.setdefault(unit, members_of(unit, stored))
            images, reference_images = task.images[k], task.reference_images[k]
            sizes[images] = len(stored.prediction.mean)
            sizes[reference_images] = len(reference.prediction.mean)
            arrays, row = arrays_of(task.conditions[k], stored, reference, task.score), 0
            for family in task.in_families:
                place = slice(row, row := row + len(family.metrics)), k, len(members) - 1
                if (prepared := family.prepare(arrays)) is not None:
                    parts.append(_Part(family, prepared, place, images, reference_images))
    if not parts:
        return None
    measure = partial(_measure, task, parts, len(members))
    estimates = measure({images: each_once(size) for images, size in sizes.items()})[..., 0]
    covariance = ResampleCovariance(estimates)
    for weights in _weights(sizes, resamples, seed):
        covariance.add(measure(weights))
    names = [condition.name for condition in task.conditions]
    averaged = [[position] for position in range(len(names))] + list(task.averaged.values())
    return Resampled(
        conditions=(*names, *map(mean_name, task.averaged)),
        images=tuple(min(sizes[task.images[k]] for k in each) for each in averaged),
        reference_images=tuple(
            min(sizes[task.reference_images[k]] for k in each) for each in averaged
        ),
        drawn_together=tuple(len({task.images[k] for k in each}) == 1 for each in averaged),
        estimates=estimates,
        covariance=covariance.covariance,
        undefined=covariance.undefined,
        units=tuple(members),
        members=tuple(members.values()),
    )


def _predictions(
    task: ResamplingTask, load: Callable[[str], StoredPrediction | None]
) -> Iterator[tuple[int, StoredPrediction, StoredPrediction]]:
    """The position of each condition with predictions, these, and its reference's."""
    for k, condition in enumerate(task.conditions):
        stored, reference = load(condition.name), load(condition.reference)
        if stored is not None and reference is not None:
            yield k, stored, reference


def _weights(
    sizes: Mapping[ImageSet, int], resamples: int, seed: int
) -> Iterator[dict[ImageSet, Weights]]:
    """Blocks of resamples of each set of images."""
    drawn = [images.weights(size, resamples, seed) for images, size in sizes.items()]
    for blocks in zip(*drawn, strict=True):
        yield dict(zip(sizes, blocks, strict=True))


def _measure(
    task: ResamplingTask, parts: list[_Part], units: int, weights: Mapping[ImageSet, Weights]
) -> Values:
    """All measures [metrics, conditions, units, resamples], the means over groups among them."""
    resamples = next(iter(weights.values())).shape[1]
    values = np.full((len(task.metrics), len(task.conditions), units, resamples), np.nan)
    for part in parts:
        own, of_reference = weights[part.images], weights[part.reference_images]
        values[part.place] = part.family.evaluate(part.prepared, own, of_reference)
    groups = task.averaged.values()
    means = [values[:, averaged].mean(axis=1, keepdims=True) for averaged in groups]
    return np.concatenate([values, *means], axis=1) if means else values


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
