"""Every measure of every method on resampled images, and their covariances.

The resamples are the same for all methods. An image and its rotations are drawn together, each
out-of-distribution set separately; detection combines a set's draw with that of the clean images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.inference.bootstrap import binned
from benchmarks.inference.bootstrap.binned import BinnedImages, FilledBins
from benchmarks.inference.bootstrap.covariance import ResampleCovariance
from benchmarks.inference.bootstrap.ranks import Detection, Selection
from benchmarks.inference.bootstrap.weights import image_weights, weighted_means
from benchmarks.inference.measures import (
    AGAINST_LABELS,
    DETECTION,
    SCORES,
    SELECTIVE,
    UNCERTAINTIES,
    score_of,
    top_label,
)
from benchmarks.metrics import calibration, scoring
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import ROTATED_MEAN
from methods.seeds import derive_seed

Weights = NDArray[np.uint8]
Values = NDArray[np.float64]

Load = Callable[[RunUnit, str], StoredPrediction | None]
"""A run unit's prediction under a condition, if there is one."""

OnResamples = Callable[[Weights, Weights], Values]
"""From the weights of a condition's images and its reference's to measures [metrics, resamples]."""

BINNED: dict[str, Callable[[FilledBins, FilledBins], Values]] = {
    "ece": lambda wide, _: binned.expected_calibration_error(wide),
    "mce": lambda wide, _: binned.maximum_calibration_error(wide),
    "ece_equal_mass": lambda _, equal: binned.expected_calibration_error(equal),
    "ece_debiased": lambda _, equal: binned.debiased_calibration_error(equal),
    "squared_ce_debiased": lambda _, equal: binned.debiased_squared_calibration_error(equal),
}
"""Of the bins of equal width, and of those of equal mass."""

MEANS, LABELS, CALIBRATION = "means", "labels", "calibration"

METRIC_GROUPS = {
    MEANS: tuple(UNCERTAINTIES),
    LABELS: tuple(AGAINST_LABELS),
    CALIBRATION: tuple(BINNED),
}
"""The measures that need no score, in groups that fit into memory."""


class ResamplingTask(NamedTuple):
    """What is resampled in one call.

    Attributes:
        recipe: the recipe whose methods are compared; those that train themselves are in each.
        conditions: some that are made of the same images.
        group: of measures: a name in `METRIC_GROUPS`, or a score.
    """

    recipe: str
    conditions: tuple[Condition, ...]
    group: str

    @property
    def score(self) -> str:
        """The score that the measures use, else empty."""
        return "" if self.group in METRIC_GROUPS else self.group

    @property
    def metrics(self) -> tuple[str, ...]:
        """The measures."""
        return METRIC_GROUPS.get(self.group, (*SELECTIVE, *DETECTION))


class Resampled(NamedTuple):
    """The measures of a resampling task; NaN where they are undefined.

    Attributes:
        conditions: the task's, by name, and the mean over rotations where it has any.
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
    """One run unit's measures under one condition, with the indices of both."""

    condition: int
    unit: int
    measures: OnResamples


def resampling_tasks(
    recipes: Iterable[str], conditions: Iterable[Condition], method_scores: Iterable[str] = ()
) -> list[ResamplingTask]:
    """All resampling tasks of recipes and conditions; `method_scores`: the methods' own scores."""
    same_images: dict[tuple[str | None, bool], list[Condition]] = {}
    for condition in conditions:
        same_images.setdefault((condition.dataset, condition.subset), []).append(condition)
    return [
        ResamplingTask(recipe, tuple(together), group)
        for together in same_images.values()
        for recipe in recipes
        for group in (*SCORES, *method_scores, *METRIC_GROUPS)
    ]


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
            measures = _on_resamples(task, condition, stored, reference)
            if measures is not None:
                parts.append(_Part(k, c, measures))
    if not parts:
        return None
    measure = partial(_measure, task, parts, len(predicting))
    sizes = images, len(predicting[0][1].prediction.mean)
    estimates = measure(*(np.ones((size, 1), np.uint8) for size in sizes))[..., 0]
    covariance = ResampleCovariance(estimates)
    for weights in _weights(task, sizes, resamples, seed):
        covariance.add(measure(*weights))
    mean = (ROTATED_MEAN,) if any(condition.averaged for condition in task.conditions) else ()
    return Resampled(
        conditions=(*(condition.name for condition in task.conditions), *mean),
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
    clean = image_weights(images[1], resamples, derive_seed("resamples", seed, kind, "mnist"))
    if first.dataset is None:
        yield from ((weights, weights) for weights in clean)
    else:
        ood = derive_seed("resamples", seed, kind, first.dataset)
        yield from zip(image_weights(images[0], resamples, ood), clean, strict=True)


def _measure(
    task: ResamplingTask, parts: list[_Part], units: int, weights: Weights, of_reference: Weights
) -> Values:
    """All measures [metrics, conditions, units, resamples], the mean over rotations among them."""
    shape = (len(task.metrics), len(task.conditions), units, weights.shape[1])
    values = np.full(shape, np.nan)
    for part in parts:
        values[:, part.condition, part.unit] = part.measures(weights, of_reference)
    averaged = [k for k, condition in enumerate(task.conditions) if condition.averaged]
    if not averaged:
        return values
    return np.concatenate([values, values[:, averaged].mean(axis=1, keepdims=True)], axis=1)


def _on_resamples(
    task: ResamplingTask,
    condition: Condition,
    stored: StoredPrediction,
    reference: StoredPrediction,
) -> OnResamples | None:
    """The task's measures of a stored prediction; ``None`` where none is defined."""
    prediction, labels = stored.prediction, stored.labels
    if task.group == MEANS:
        return _means([of_each(prediction) for of_each in UNCERTAINTIES.values()])
    if task.group in METRIC_GROUPS:
        if labels is None:
            return None
        if task.group == CALIBRATION:
            return _calibration(prediction.mean, labels)
        return _means([of_each(prediction.mean, labels) for of_each in AGAINST_LABELS.values()])
    score = score_of(prediction, task.score)
    if score is None or score.isnan().any():
        return None
    correct = None if labels is None else scoring.correct(prediction.mean, labels).numpy()
    if condition.name == condition.reference:
        return _ranking(score.numpy(), correct, None)
    clean = score_of(reference.prediction, task.score)
    return _ranking(score.numpy(), correct, None if clean is None else clean.numpy())


def _means(contributions: list[Tensor]) -> OnResamples:
    rows = torch.stack([row.double() for row in contributions]).numpy()
    return lambda weights, _: weighted_means(rows, weights)


def _calibration(mean: Tensor, labels: Tensor) -> OnResamples:
    images = top_label(mean, labels)
    wide, equal = (
        BinnedImages.of(*(array.numpy() for array in (*images, bins_of(*images).upper)))
        for bins_of in (calibration.equal_width_bins, calibration.equal_mass_bins)
    )

    def measures(weights: Weights, _: Weights) -> Values:
        bins = wide.fill(weights), equal.fill(weights)
        return np.stack([of_bins(*bins) for of_bins in BINNED.values()])

    return measures


def _ranking(score: Values, correct: NDArray[np.bool_] | None, clean: Values | None) -> OnResamples:
    """Selective measures where there are labels, and detection where there is a reference."""
    selection = None if correct is None else Selection.of(score, correct)
    detection = None if clean is None else Detection.of(clean, score)

    def measures(weights: Weights, of_clean: Weights) -> Values:
        values = np.full((len(SELECTIVE) + len(DETECTION), weights.shape[1]), np.nan)
        if selection is not None:
            values[: len(SELECTIVE)] = selection.measures(weights)
        if detection is not None:
            values[len(SELECTIVE) :] = detection.measures(of_clean, weights)
        return values

    return measures
