"""What the stage `measure` does, of a few predictions that are made up: no run, no files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.headline import HEADLINE, Headline
from benchmarks.inference.evidence import Drawn, Entry, HeadlineEvidence, MeasuredUnit, evidence_of
from benchmarks.nouns import Contestant
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.image_values import ImageValues, fits_to
from benchmarks.run.measurements import KeptRows, measured, rows_of
from benchmarks.schema import Measurement
from benchmarks.tasks.task import Condition

EVERY = KeptRows("predictive_entropy", every=True)

MEASURES = {measure.metric: measure for measure in HEADLINE}

Floats = NDArray[np.float64]

Replicates = Sequence[Floats] | Floats | Mapping[int, Floats]
"""Of each the value of each image; by their numbers, or one after the other."""


def every_row(
    unit: RunUnit,
    condition: Condition,
    stored: StoredPrediction,
    reference: StoredPrediction,
    calibration: StoredPrediction | None = None,
) -> list[Measurement]:
    """Every measure of a prediction."""
    own, other = ImageValues([stored], fits_to(calibration)), ImageValues([reference])
    measures = EVERY.measures(condition, own.own_scores)
    against = other if condition.detected else None
    return [
        row
        for each in measured(measures, own, against)
        for row in rows_of(unit, condition, each, own, other)
    ]


def unit_of(
    values: Floats, groups: NDArray[np.int64] | None = None, **changes: Any
) -> MeasuredUnit:
    """The mean over images of their values."""
    row = ((values - values.mean()) / len(values)).astype(np.float32)
    own = np.arange(len(values)) if groups is None else groups
    return MeasuredUnit(float(values.mean()), row, own)._replace(**changes)


def known_of(
    losses: Mapping[Contestant, Replicates],
    measure: Headline = MEASURES["nll"],
    ensembles: Collection[str] = ("ensemble",),
    *,
    groups: NDArray[np.int64] | None = None,
    changes: Mapping[Contestant, Mapping[str, Any]] | None = None,
    images: int | None = None,
    splits: Mapping[str, str] | None = None,
) -> HeadlineEvidence:
    """What is known of a measure that is a mean over images, from their values.

    Args:
        ensembles: the methods whose members are networks of their own.
        changes: what differs in the units of a contestant.
        images: how many there are, by which intervals are refused.
        splits: on which images methods are fitted, if not on all the same.
    """
    kept = {}
    for contestant, own in losses.items():
        numbered = own if isinstance(own, Mapping) else dict(enumerate(own))
        count = int(contestant.members) if contestant.method in ensembles else 1
        split = (splits or {}).get(contestant.method, "training")
        entry = Entry(contestant, count, contestant.method in ensembles, split)
        different = (changes or {}).get(contestant, {})
        kept[entry] = {r: unit_of(values, groups, **different) for r, values in numbered.items()}
    length = len(next(iter(next(iter(kept.values())).values())).row)
    drawn = length if groups is None else len(np.unique(groups))
    return evidence_of(measure, "clean", Drawn(images or length, drawn, {"clean": length}), kept)
