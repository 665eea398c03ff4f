"""What the stage `measure` does, of a few predictions that are made up: no run, no files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.inference.comparisons import Estimates, compare
from benchmarks.inference.evidence import (
    BlockMean,
    Evidence,
    MeasuredUnit,
    MeasureName,
    network_blocks,
)
from benchmarks.inference.image_values import ImageValues, RankedFamily, every_measure, fits_to
from benchmarks.inference.intervals import Relations
from benchmarks.inference.resampling import Frame, ImageSet
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.measurements import (
    FamilyValues,
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    varying,
)
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
    rows = [
        row
        for condition in conditions
        for (unit, name), stored in predictions.items()
        if name == condition.name
        for row in every_row(unit, condition, stored, predictions[unit, condition.reference])
    ]
    return table_of(Measurement, rows + means_over_groups(rows, conditions))


def gathered(
    predictions: Predictions,
    conditions: Sequence[Condition],
    metrics: Collection[str] = METRICS,
    *,
    calibration: Mapping[RunUnit, StoredPrediction] | None = None,
    ensemble_methods: Collection[str] = ("deep_ensemble",),
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, Evidence]:
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
    sizes = {name: values.images for (_, name), values in formed.items()}
    members = {unit: members_text(values.members) for (unit, _), values in formed.items()}
    sets = [[c for c in conditions if c.in_mean and c.group == group] for group in averaged]
    sets += [[condition] for condition in conditions if not condition.in_mean]
    known: dict[str, Evidence] = {}
    for together in sets:
        own, other = [c.name for c in together], [c.reference for c in together]
        frames = [
            Frame({name: sizes[name] for name in names}, of_name, resamples, seed)
            for names in (own, own + other)
        ]
        parts = {
            condition: Evidence(
                condition.name,
                condition,
                condition.group,
                images=sizes[condition.name],
                reference_images=sizes[condition.reference],
                members=members,
            )
            for condition in together
        }
        group, headline = together[0].group, together[0].headline
        of_mean = Evidence(mean_name(group), None, group, headline, members=members)
        units = sorted({unit for unit, name in formed if name in own})
        for block in network_blocks(units, ensemble_methods):
            mean = BlockMean()
            for condition, part in parts.items():
                measures = {
                    unit: _varying(frames, condition, formed, unit, metrics)
                    for unit in block.summed
                    if (unit, condition.name) in formed
                }
                part.add(block, measures)
                mean.add(measures)
            of_mean.add(block, mean.finish())
        known |= {part.condition: part for part in parts.values()}
        if together[0].in_mean:
            images = {ImageSet.of(condition, of_name) for condition in together}
            known[of_mean.condition] = of_mean.averaging(parts.values(), len(images))
    return known


def _varying(
    frames: Sequence[Frame],
    condition: Condition,
    formed: Mapping[tuple[RunUnit, str], ImageValues],
    unit: RunUnit,
    metrics: Collection[str],
) -> dict[MeasureName, MeasuredUnit]:
    own, reference = formed[unit, condition.name], formed[unit, condition.reference]
    return {
        measure: each
        for of_family in _measured(condition, own, reference, metrics)
        for measure, each in varying(
            of_family, frames["reference" in of_family.family.needs], condition
        ).items()
    }


def compared(known: Mapping[str, Evidence], relations: Relations | None = None) -> Estimates:
    """The intervals and comparisons of all of them."""
    return Estimates.joined(compare(each, list(each.members), relations) for each in known.values())


def known_of(
    losses: Mapping[RunUnit, Mapping[MeasureName, NDArray[np.float64]]],
    shift: Condition | None,
    group: str = "",
    ensemble_methods: Collection[str] = ("deep_ensemble",),
) -> Evidence:
    """What is known of measures that are means over images, from their value of each image.

    Args:
        shift: the condition; ``None``: the mean over the ``group`` by which methods are judged.
    """
    (images,) = {len(each) for measures in losses.values() for each in measures.values()}
    name, group = (shift.name, shift.group) if shift else (mean_name(group), group)
    members = {unit: members_text(unit.size or 1) for unit in losses}
    known = Evidence(name, shift, group, shift is None, images, images, members=members)
    for block in network_blocks(losses, ensemble_methods):
        measures = {unit: losses[unit] for unit in block.summed}
        known.add(
            block,
            {
                unit: {
                    measure: MeasuredUnit(
                        float(each.mean()), ((each - each.mean()) / images).astype(np.float32)
                    )
                    for measure, each in own.items()
                }
                for unit, own in measures.items()
            },
        )
    return known


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
