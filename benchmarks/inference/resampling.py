"""Every measure of every method on resampled images, and their covariances.

The resamples are the same for all methods. An image and its rotations are drawn together, each
out-of-distribution set separately; detection combines a set's draw with that of the clean images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
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


class ResamplingTask(NamedTuple):
    """What is resampled in one call, of a size that fits into memory.

    Attributes:
        recipe: the recipe whose methods are compared; those that train themselves are in each.
        conditions: some that are made of the same images.
        families: of the metrics that are computed.
        reference_data: the data set of the reference's images.
        score: the score that these need, else empty.
    """

    recipe: str
    conditions: tuple[Condition, ...]
    families: tuple[type[Family], ...]
    reference_data: str
    score: str = ""

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


class Resampled(NamedTuple):
    """The measures of a resampling task; NaN where they are undefined.

    Attributes:
        conditions: the task's, by name, and the means over groups.
        images: how many each of them has.
        reference_images: how many clean images detection compares them with.
        estimates: [metrics, conditions, units], of the images themselves.
        covariance: [metrics, conditions, units, units], over the resamples.
        undefined: [metrics, conditions, units], the share of resamples without a value.
        units: the run units with predictions, sorted.
        members: of each run unit.
    """

    conditions: tuple[str, ...]
    images: int
    reference_images: int
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


def resampling_tasks(
    recipes: Iterable[str], conditions: Iterable[Condition], method_scores: Iterable[str] = ()
) -> list[ResamplingTask]:
    """All resampling tasks of recipes and conditions; `method_scores`: the methods' own scores."""
    same_images: dict[str, list[Condition]] = {}
    data: dict[str, str] = {}
    for condition in conditions:
        same_images.setdefault(condition.paired_with, []).append(condition)
        data[condition.name] = condition.data
    families = [family for family in _families() if family.resampled]
    ranking = tuple(family for family in families if "score" in family.needs)
    parts = [(ranking, score) for score in (*of_probabilities(), *method_scores) if ranking]
    parts += [((family,), "") for family in families if family not in ranking]
    return [
        ResamplingTask(recipe, tuple(together), chosen, data[together[0].reference], score)
        for together in same_images.values()
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
    predicting = [
        (unit, reference)
        for unit in sorted(units)
        if (reference := load(unit, task.conditions[0].reference)) is not None
    ]
    parts, images = [], 0
    for c, (unit, reference) in enumerate(predicting):
        for k, condition in enumerate(task.conditions):
            stored = load(unit, condition.name)
            if stored is None:
                continue
            images = len(stored.prediction.mean)
            arrays, row = arrays_of(condition, stored, reference, task.score), 0
            for family in task.in_families:
                rows = slice(row, row := row + len(family.metrics))
                if (prepared := family.prepare(arrays)) is not None:
                    parts.append(_Part(family, prepared, (rows, k, c)))
    if not parts:
        return None
    measure = partial(_measure, task, parts, len(predicting))
    sizes = images, len(predicting[0][1].prediction.mean)
    estimates = measure(*map(each_once, sizes))[..., 0]
    covariance = ResampleCovariance(estimates)
    for weights in _weights(task, sizes, resamples, seed):
        covariance.add(measure(*weights))
    names = [condition.name for condition in task.conditions]
    return Resampled(
        conditions=(*names, *map(mean_name, _averaged(task))),
        images=images,
        reference_images=sizes[1],
        estimates=estimates,
        covariance=covariance.covariance,
        undefined=covariance.undefined,
        units=tuple(unit for unit, _ in predicting),
        members=tuple(members_of(unit, reference) for unit, reference in predicting),
    )


def _weights(
    task: ResamplingTask, images: tuple[int, int], resamples: int, seed: int
) -> Iterator[tuple[Weights, Weights]]:
    """Blocks of resamples of the task's images and of their reference's, which may be the same."""
    first = task.conditions[0]
    # Seeds are derived from these words, so that "small" stays as it is.
    kind = "small" if first.subset else "all"
    of_reference = derive_seed("resamples", seed, kind, task.reference_data)
    reference = image_weights(images[1], resamples, of_reference)
    if first.paired_with == first.reference:
        yield from ((weights, weights) for weights in reference)
    else:
        own = derive_seed("resamples", seed, kind, first.data)
        yield from zip(image_weights(images[0], resamples, own), reference, strict=True)


def _measure(
    task: ResamplingTask, parts: list[_Part], units: int, weights: Weights, of_reference: Weights
) -> Values:
    """All measures [metrics, conditions, units, resamples], the means over groups among them."""
    shape = (len(task.metrics), len(task.conditions), units, weights.shape[1])
    values = np.full(shape, np.nan)
    for part in parts:
        values[part.place] = part.family.evaluate(part.prepared, weights, of_reference)
    groups = _averaged(task).values()
    means = [values[:, averaged].mean(axis=1, keepdims=True) for averaged in groups]
    return np.concatenate([values, *means], axis=1) if means else values


def _averaged(task: ResamplingTask) -> dict[str, list[int]]:
    """By group, the positions of its conditions that are in its mean."""
    groups: dict[str, list[int]] = {}
    for position, condition in enumerate(task.conditions):
        if condition.in_mean:
            groups.setdefault(condition.group, []).append(position)
    return groups


def _families() -> list[type[Family]]:
    return list(dict.fromkeys(metric.family for metric in METRICS.values()))
