"""From shards to resamples: how the measures of all methods vary, together, with the images.

The resamples are the same for all methods. An image and its rotations are drawn together, each
out-of-distribution set by itself; detection joins a set's draw with the clean images'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.conditions import MEAN_ROTATED, Condition
from benchmarks.measure import DETECTION, SCORES, SELECTIVE, UNCERTAINTIES, members_of, score_of
from benchmarks.metrics import calibration, scoring
from benchmarks.predictions import Cell, Shard
from benchmarks.statistics import binned
from benchmarks.statistics.binned import BinnedImages
from benchmarks.statistics.means import weighted_means
from benchmarks.statistics.ranks import Detection, Selection
from benchmarks.statistics.resamples import image_weights
from benchmarks.statistics.spread import Spread
from methods.seeds import derive_seed

Weights = NDArray[np.uint8]
Values = NDArray[np.float64]

Load = Callable[[Cell, str], Shard | None]
"""A cell's shard of a condition, if there is one."""

OnResamples = Callable[[Weights, Weights], Values]
"""The weights of a condition's images and of its reference's to measures [metrics, resamples]."""

AGAINST_LABELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "accuracy": scoring.correct,
    "nll": scoring.negative_log_likelihood,
    "brier": scoring.brier,
}
"""Of each image; measured is their mean over the images."""

MEANS, LABELS, CALIBRATION = "means", "labels", "calibration"

FAMILIES = {
    MEANS: tuple(UNCERTAINTIES),
    LABELS: tuple(AGAINST_LABELS),
    CALIBRATION: ("ece", "mce", "ece_equal_mass", "ece_debiased", "squared_ce_debiased"),
}
"""The measures that need no score, in parts that fit into memory."""


class Unit(NamedTuple):
    """What is resampled at a time.

    Attributes:
        recipe: whose methods are compared; those that train themselves are compared in each.
        conditions: some that are made of the same images.
        family: of measures: a name in `FAMILIES`, or a score.
    """

    recipe: str
    conditions: tuple[Condition, ...]
    family: str

    @property
    def score(self) -> str:
        """The score that the measures use, else empty."""
        return "" if self.family in FAMILIES else self.family

    @property
    def metrics(self) -> tuple[str, ...]:
        """The measures."""
        return FAMILIES.get(self.family, (*SELECTIVE, *DETECTION))


class Resampled(NamedTuple):
    """What resampling a unit's images gave. Measures are NaN where they are undefined.

    Attributes:
        conditions: the unit's, by name, and the mean over rotations where it has any.
        images: how many each of them has.
        reference_images: how many clean ones detection compares them with.
        estimates: [metrics, conditions, cells], of the images themselves.
        covariance: [metrics, conditions, cells, cells], over the resamples.
        undefined: [metrics, conditions, cells], the share of resamples without a value.
        members: of each cell.
    """

    conditions: tuple[str, ...]
    images: int
    reference_images: int
    estimates: Values
    covariance: Values
    undefined: Values
    cells: tuple[Cell, ...]
    members: tuple[str, ...]


class _Part(NamedTuple):
    """One cell's measures of one condition, and where among all they belong."""

    condition: int
    cell: int
    measures: OnResamples


def units(
    recipes: Iterable[str], conditions: Iterable[Condition], own_scores: Iterable[str] = ()
) -> list[Unit]:
    """All units of a run whose methods have these scores of their own."""
    groups: dict[tuple[str | None, bool], list[Condition]] = {}
    for condition in conditions:
        groups.setdefault((condition.dataset, condition.exact), []).append(condition)
    return [
        Unit(recipe, tuple(group), family)
        for group in groups.values()
        for recipe in recipes
        for family in (*SCORES, *own_scores, *FAMILIES)
    ]


def resample(
    unit: Unit, cells: Iterable[Cell], load: Load, *, resamples: int, seed: int
) -> Resampled | None:
    """Measure a unit's cells on resampled images; ``None`` if there is no shard to measure."""
    judging = [
        (cell, reference)
        for cell in sorted(cells)
        if (reference := load(cell, unit.conditions[0].reference)) is not None
    ]
    parts, images = [], 0
    for c, (cell, reference) in enumerate(judging):
        for k, condition in enumerate(unit.conditions):
            shard = load(cell, condition.name)
            if shard is None:
                continue
            images = len(shard.prediction.mean)
            measures = _on_resamples(unit, condition, shard, reference)
            if measures is not None:
                parts.append(_Part(k, c, measures))
    if not parts:
        return None
    measure = partial(_measure, unit, parts, len(judging))
    sizes = images, len(judging[0][1].prediction.mean)
    estimates = measure(*(np.ones((size, 1), np.uint8) for size in sizes))[..., 0]
    spread = Spread(estimates)
    for weights in _weights(unit, sizes, resamples, seed):
        spread.add(measure(*weights))
    mean = (MEAN_ROTATED,) if any(condition.averaged for condition in unit.conditions) else ()
    return Resampled(
        conditions=(*(condition.name for condition in unit.conditions), *mean),
        images=images,
        reference_images=sizes[1],
        estimates=estimates,
        covariance=spread.covariance,
        undefined=spread.undefined,
        cells=tuple(cell for cell, _ in judging),
        members=tuple(members_of(cell, reference) for cell, reference in judging),
    )


def _weights(
    unit: Unit, images: tuple[int, int], resamples: int, seed: int
) -> Iterator[tuple[Weights, Weights]]:
    """Blocks of resamples of the unit's images and of their reference's, which may be the same."""
    first = unit.conditions[0]
    kind = "small" if first.exact else "all"
    clean = image_weights(images[1], resamples, derive_seed("resamples", seed, kind, "mnist"))
    if first.dataset is None:
        yield from ((weights, weights) for weights in clean)
    else:
        ood = derive_seed("resamples", seed, kind, first.dataset)
        yield from zip(image_weights(images[0], resamples, ood), clean, strict=True)


def _measure(
    unit: Unit, parts: list[_Part], cells: int, weights: Weights, of_reference: Weights
) -> Values:
    """All measures [metrics, conditions, cells, resamples], the mean over rotations among them."""
    shape = (len(unit.metrics), len(unit.conditions), cells, weights.shape[1])
    values = np.full(shape, np.nan)
    for part in parts:
        values[:, part.condition, part.cell] = part.measures(weights, of_reference)
    averaged = [k for k, condition in enumerate(unit.conditions) if condition.averaged]
    if not averaged:
        return values
    return np.concatenate([values, values[:, averaged].mean(axis=1, keepdims=True)], axis=1)


def _on_resamples(
    unit: Unit, condition: Condition, shard: Shard, reference: Shard
) -> OnResamples | None:
    """The unit's measures of a shard; ``None`` where none is defined."""
    prediction, labels = shard.prediction, shard.labels
    if unit.family == MEANS:
        return _means([of_each(prediction) for of_each in UNCERTAINTIES.values()])
    if unit.family in FAMILIES:
        if labels is None:
            return None
        if unit.family == CALIBRATION:
            return _calibration(prediction.mean, labels)
        return _means([of_each(prediction.mean, labels) for of_each in AGAINST_LABELS.values()])
    score = score_of(prediction, unit.score)
    if score is None or score.isnan().any():
        return None
    correct = None if labels is None else scoring.correct(prediction.mean, labels).numpy()
    if condition.name == condition.reference:
        return _ranking(score.numpy(), correct, None)
    clean = score_of(reference.prediction, unit.score)
    return _ranking(score.numpy(), correct, None if clean is None else clean.numpy())


def _means(contributions: list[Tensor]) -> OnResamples:
    rows = torch.stack([row.double() for row in contributions]).numpy()
    return lambda weights, _: weighted_means(rows, weights)


def _calibration(mean: Tensor, labels: Tensor) -> OnResamples:
    top_label = calibration.confidence(mean), scoring.correct(mean, labels)
    wide, equal = (
        BinnedImages.of(*(array.numpy() for array in (*top_label, bins_of(*top_label).upper)))
        for bins_of in (calibration.equal_width_bins, calibration.equal_mass_bins)
    )

    def measures(weights: Weights, _: Weights) -> Values:
        of_width, of_mass = wide.fill(weights), equal.fill(weights)
        return np.stack(
            [
                binned.expected_calibration_error(of_width),
                binned.maximum_calibration_error(of_width),
                binned.expected_calibration_error(of_mass),
                binned.debiased_calibration_error(of_mass),
                binned.debiased_squared_calibration_error(of_mass),
            ]
        )

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
