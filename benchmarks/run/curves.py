"""The curves in ``curves/`` that only figures need.

Each curve is that of one replicate, an actual network or ensemble, and agrees with its rows in
``measurements.csv``; images are ranked by the method's primary score. A single replicate has a
band.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.inference.bands import image_draws, roc_curve, wilson_interval
from benchmarks.metrics.calibration import Calibration, equal_width_bins
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.run.image_values import ImageValues
from benchmarks.run.plan import Plan
from benchmarks.tasks.task import Condition
from methods.determinism import derive_seed

BAND_RESAMPLES, MOST_BAND_WEIGHTS = 400, 2**25
"""For a band's percentiles; of very many images there are fewer, with as many weights in all."""

FALSE_POSITIVE_RATES = np.arange(51) ** 2 / 2500
"""At which ROC curves are given; denser where few clean images are flagged."""

DECIMALS = 5

ORIGIN = ("method", "members", "budget", "replicate", "condition")
VOTE_COLUMNS = ("index", "label", "class", "vote_share", "mean_probability")

_BINS = ("lower", "upper", "count", "confidence", "accuracy", "accuracy_lower", "accuracy_upper")
_ROC = ("flagged_clean", "flagged", "lower", "upper")

COLUMNS = {
    "reliability": (*ORIGIN, *_BINS),
    "roc": (*ORIGIN, "score", *_ROC),
}
"""The tables and their columns.

``reliability``: the 15 bins of the ECE. ``roc``: shares of the reference's images
(``flagged_clean``) and of the condition's that are flagged as uncertain.

``lower`` and ``upper`` of ``flagged``, and ``accuracy_lower`` and ``accuracy_upper``, are pointwise
95 % bounds over the draw of images: see `benchmarks.inference.bands`. They are there where a method
has a single replicate.
"""

CurveRow = dict[str, Any]
"""A row of a table of curves, by its columns."""


class DrawnUnit(NamedTuple):
    """A run unit whose curves are drawn.

    Attributes:
        score: by which it ranks images.
        first: whether it is the first replicate.
        alone: whether it is the only one.
    """

    unit: RunUnit
    score: str
    first: bool
    alone: bool


class Evaluation(NamedTuple):
    """What curves depend on beside predictions.

    Attributes:
        conditions: all of them, without subsets.
        seed: of the resampled images, for bands.
    """

    conditions: Sequence[Condition]
    seed: int


def drawn_units(plan: Plan, is_predicted: Callable[[RunUnit], bool]) -> dict[RunUnit, DrawnUnit]:
    """The run units of the sizes that are compared, those with predictions."""
    replicates: dict[str, list[RunUnit]] = {}
    for unit in sorted(filter(plan.is_compared, plan.units())):
        if plan.objection(unit) is None and is_predicted(unit):
            replicates.setdefault(unit.folder, []).append(unit)
    classes = plan.configuration.classes
    return {
        unit: DrawnUnit(unit, classes[unit.method].primary_score, unit == units[0], len(units) == 1)
        for units in replicates.values()
        for unit in units
    }


def is_typical(conditions: Sequence[Condition], condition: Condition) -> bool:
    """Whether curves are drawn of one of the conditions: its labels are valid, and it is of few.

    Of a group with severities and a mean those at a third and at two thirds of what that averages
    are; of one without severities none.
    """
    if condition.labels != "valid":
        return False
    averaged = [c for c in conditions if c.group == condition.group and c.in_mean]
    thirds = {-(-len(averaged) // 3) - 1, -(-2 * len(averaged) // 3) - 1}
    drawn = [c for place, c in enumerate(averaged) if place in thirds and c.severity is not None]
    return not averaged or condition in drawn


def curves_of(
    evaluation: Evaluation,
    drawn: DrawnUnit,
    condition: Condition,
    own: ImageValues,
    reference: ImageValues,
) -> Iterator[tuple[str, CurveRow]]:
    """The rows of a run unit under a condition, each with the name of its table.

    Args:
        own, reference: of the prediction, and of the one of the reference's images.
    """
    if condition.subset:
        return
    begin = origin(drawn.unit, own.members, condition)
    if is_typical(evaluation.conditions, condition):
        confident, right = map(torch.from_numpy, own.of(Calibration))  # labels are there
        bins = equal_width_bins(confident, right)
        count, confidence, accuracy = (row[:, 0] for row in bins.fill(each_once(len(right))))
        images = count.astype(int)
        interval = np.where(drawn.alone, wilson_interval(accuracy, images), np.nan)
        columns = *(bins.edges[:-1], bins.edges[1:]), *(images, confidence, accuracy), *interval
        for row in _rows(_BINS, *columns):
            yield "reliability", begin | row
    score, clean = own.score(drawn.score), reference.score(drawn.score)
    if condition.labelled or score is None or clean is None:
        return
    if not (score.isnan().any() or clean.isnan().any()):
        sizes = reference.images, own.images
        draws = _band_weights(evaluation, condition, *sizes) if drawn.alone else None
        curve = roc_curve(clean.numpy(), score.numpy(), draws, FALSE_POSITIVE_RATES)
        for row in _rows(_ROC, FALSE_POSITIVE_RATES, *curve):
            yield "roc", begin | {"score": drawn.score} | row


def origin(unit: RunUnit, members: int | None, condition: Condition) -> CurveRow:
    """The values of `ORIGIN`."""
    size = members_of(unit, members)
    values = (unit.method, size, unit.budget, unit.replicate, condition.name)
    return dict(zip(ORIGIN, values, strict=True))


def votes_on(stored: StoredPrediction, index: int) -> Iterator[CurveRow]:
    """The votes on one image, a row a class."""
    prediction, labels = stored.prediction, stored.labels
    label = None if labels is None else int(labels[index])
    shares, means = prediction.vote_share[index].tolist(), prediction.mean[index].tolist()
    for row in _rows(VOTE_COLUMNS[2:], range(len(shares)), shares, means):
        yield {"index": index, "label": label} | row


def curve_tables(rows: Iterable[tuple[str, CurveRow]]) -> dict[str, pd.DataFrame]:
    """The rows as the tables of `COLUMNS`."""
    tables: dict[str, list[CurveRow]] = {name: [] for name in COLUMNS}
    for name, row in rows:
        tables[name].append(row)
    return {
        name: pd.DataFrame(tables[name], columns=list(columns)).round(DECIMALS)
        for name, columns in COLUMNS.items()
    }


def _band_weights(
    evaluation: Evaluation, condition: Condition, reference_images: int, images: int
) -> tuple[Weights, Weights]:
    """The resamples of the reference's images and of the condition's.

    The same for all curves of a data set of so many images.
    """
    reference = next(c for c in evaluation.conditions if c.name == condition.reference)
    count = min(BAND_RESAMPLES, max(1, MOST_BAND_WEIGHTS // max(images, reference_images)))

    def weights(data: str, number: int) -> Weights:
        return image_draws(number, count, derive_seed("bands", evaluation.seed, data))

    return weights(reference.data, reference_images), weights(condition.data, images)


def _rows(names: Sequence[str], *columns: Iterable[Any]) -> Iterator[CurveRow]:
    """A row for each of the columns' values."""
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))
