"""What the stage `measure` does, of a few predictions that are made up: no run, no files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy

import pandas as pd

from benchmarks.inference.comparisons import Estimates, compare
from benchmarks.inference.image_values import ImageValues, RankedFamily, every_measure, fits_to
from benchmarks.inference.intervals import Relations
from benchmarks.inference.resampling import Draws, ImageSet, MeanDraws, resampled
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.measurements import FamilyValues, KeptRows, means_over_groups, measured, rows_of
from benchmarks.schema import Measurement, members_text, table_of
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import mean_name

EVERY = KeptRows("predictive_entropy", every=True)

Predictions = Mapping[tuple[RunUnit, str], StoredPrediction]
"""By run unit and the name of a condition."""


def every_row(
    unit: RunUnit,
    condition: Condition,
    stored: StoredPrediction,
    reference: StoredPrediction,
    calibration: StoredPrediction | None = None,
) -> list[Measurement]:
    """Every measure of a prediction."""
    own, other = ImageValues([stored], fits_to(calibration)), ImageValues([reference])
    of_all = _measured(condition, own, other, METRICS)
    return [row for each in of_all for row in rows_of(unit, condition, each, own, other)]


def measurements(predictions: Predictions, conditions: Sequence[Condition]) -> pd.DataFrame:
    """Every measure of all of them, and the means over groups of conditions."""
    rows = table_of(
        Measurement,
        (
            row
            for condition in conditions
            for (unit, name), stored in predictions.items()
            if name == condition.name
            for row in every_row(unit, condition, stored, predictions[unit, condition.reference])
        ),
    )
    return pd.concat([rows, means_over_groups(rows, conditions)], ignore_index=True)


def drawn(
    predictions: Predictions,
    conditions: Sequence[Condition],
    metrics: Collection[str] = METRICS,
    *,
    calibration: Mapping[RunUnit, StoredPrediction] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, Draws]:
    """The measures under each condition, then those of the means over groups, by their names."""
    of_name = {condition.name: condition for condition in conditions}
    held_out, averaged = calibration or {}, {c.group for c in conditions if c.in_mean}
    formed = {
        (unit, name): ImageValues(
            [stored],
            fits_to(held_out.get(unit)),
            lambda own_scores: _some(every_measure(own_scores), metrics),
        )
        for (unit, name), stored in predictions.items()
    }
    found: dict[str, Draws] = {}
    means = {group: MeanDraws(mean_name(group)) for group in averaged}
    for condition in conditions:
        images, of_reference = (
            ImageSet.of(of_name[name], of_name) for name in (condition.name, condition.reference)
        )
        draws = Draws(condition.name, condition, with_mean=condition.group in averaged)
        found[condition.name] = draws
        for unit in (unit for unit, name in formed if name == condition.name):
            own, reference = formed[unit, condition.name], formed[unit, condition.reference]
            draws.images, draws.reference_images = own.images, reference.images
            draws.members[unit] = members_text(own.members)
            weights = list(images.weights(own.images, resamples, seed))
            others = list(of_reference.weights(reference.images, resamples, seed))
            for each in _measured(condition, own, reference, metrics):
                if each.prepared is not None and each.family.resampled:
                    values = resampled(each.family, each.prepared, weights, others)
                    draws.add(unit, each.family, each.score, each.values, values)
        if condition.in_mean:
            means[condition.group].add(deepcopy(draws), images)  # whose values it takes
    return found | {mean_name(group): mean.finish() for group, mean in means.items()}


def compared(draws: Mapping[str, Draws], relations: Relations | None = None) -> Estimates:
    """The intervals and comparisons of all of them."""
    return Estimates.joined(compare(each, list(each.members), relations) for each in draws.values())


def _measured(
    condition: Condition, own: ImageValues, reference: ImageValues, metrics: Collection[str]
) -> Iterator[FamilyValues]:
    measures = _some(EVERY.measures(condition, own.own_scores), metrics)
    return measured(measures, own, reference if condition.detected else None)


def _some(measures: Iterable[RankedFamily], metrics: Collection[str]) -> Iterator[RankedFamily]:
    """Those of these metrics."""
    for family, score in measures:
        if kept := [metric for metric in family.metrics if metric.name in metrics]:
            yield type(family)(kept), score
