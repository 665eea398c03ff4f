"""The rows of ``measurements.csv``: every measure of a stored prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.inference.measures import (
    BETWEEN_MEMBERS,
    DETECTION,
    LABELLED,
    PREVALENCE,
    SCORES,
    SELECTIVE,
    UNCERTAINTIES,
    mean_over_images,
    scores_of,
)
from benchmarks.metrics import scoring
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.records import Measurement
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import ILL_DEFINED, LABELS_ILL_DEFINED_BEYOND
from methods import Prediction

ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself predicts NaN"
NO_LABELS = "out-of-distribution images have no label"
ALL_ALIKE = "all images are classified correctly, or all wrongly"
SMALL_BINS = "no bin holds enough images"
WHY_ILL_DEFINED = (
    f"rotated by more than {LABELS_ILL_DEFINED_BEYOND}°, "
    "where labels are ill-defined (6 and 9 swap)"
)


class Value(NamedTuple):
    """A measure's value.

    Attributes:
        metric, score: as in `Measurement`.
        value: NaN where it is undefined.
        reason: why it is undefined, or what else to know.
        by_label: whether labels are needed, so that they must be well defined.
    """

    metric: str
    score: str
    value: float
    reason: str
    by_label: bool


def measure(
    unit: RunUnit, condition: Condition, stored: StoredPrediction, reference: StoredPrediction
) -> Iterator[Measurement]:
    """Every measure of one stored prediction.

    ``reference``: the same unit's prediction of the in-distribution images of detection.
    """
    row = partial(
        _row, unit, condition, members_of(unit, stored), images=len(stored.prediction.mean)
    )
    for value in _values(condition, stored, reference.prediction):
        if math.isnan(value.value):
            yield row(value.metric, value.score, None, status="undefined", reason=value.reason)
        elif value.by_label and condition.labels_ill_defined:
            reason = "; ".join(filter(None, (WHY_ILL_DEFINED, value.reason)))
            yield row(value.metric, value.score, value.value, status=ILL_DEFINED, reason=reason)
        else:
            yield row(value.metric, value.score, value.value, status="ok", reason=value.reason)


def without_value(
    unit: RunUnit,
    condition: Condition,
    reference: StoredPrediction | None,
    status: str,
    reason: str,
) -> Iterator[Measurement]:
    """The rows that `measure` would give, each with the reason why there is no value."""
    row = partial(_row, unit, condition, members_of(unit, reference), images=0)
    method_scores = tuple(reference.prediction.scores) if reference else ()
    for metric, score in measured(condition, method_scores):
        yield row(metric, score, None, status=status, reason=reason)


def measured(condition: Condition, method_scores: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The measures under a condition of a method with these scores of its own.

    Pairs (metric, score); the score is empty for measures that use none.
    """
    scores = (*SCORES, *method_scores)
    pairs = [(metric, "") for metric in (*UNCERTAINTIES, *LABELLED)]
    if condition.labelled:
        pairs += [(metric, score) for metric in SELECTIVE for score in scores]
    if condition.name != condition.reference:
        pairs += [(PREVALENCE, "")]
        pairs += [(metric, score) for metric in DETECTION for score in scores]
    return pairs


def _row(
    unit: RunUnit,
    condition: Condition,
    members: str,
    metric: str,
    score: str,
    value: float | None,
    *,
    images: int,
    status: str,
    reason: str,
) -> Measurement:
    return Measurement(
        recipe=unit.recipe,
        method=unit.method,
        replicate=unit.replicate,
        members=members,
        condition=condition.name,
        score=score,
        metric=metric,
        value=value,
        images=images,
        status=status,
        reason=reason,
    )


def _values(
    condition: Condition, stored: StoredPrediction, reference: Prediction
) -> Iterator[Value]:
    prediction, labels = stored.prediction, stored.labels
    yield from _uncertainty(prediction)
    yield from _against_labels(prediction.mean, labels)
    scores = scores_of(prediction)
    if labels is not None:
        correct = scoring.correct(prediction.mean, labels)
        yield from _selection(scores, correct, prediction.members)
    if condition.name != condition.reference:
        yield from _detection(scores, scores_of(reference), prediction.members)


def _uncertainty(prediction: Prediction) -> Iterator[Value]:
    for metric, of_each in UNCERTAINTIES.items():
        value = mean_over_images(of_each(prediction))
        reason = _why_nan(metric, prediction.members) if math.isnan(value) else ""
        yield Value(metric, "", value, reason, False)


def _against_labels(mean: Tensor, labels: Tensor | None) -> Iterator[Value]:
    for metric, of_all in LABELLED.items():
        if labels is None:
            yield Value(metric, "", math.nan, NO_LABELS, True)
            continue
        value = of_all(mean, labels)
        reason = SMALL_BINS if math.isnan(value) else ""
        if math.isinf(value):
            impossible = int(scoring.negative_log_likelihood(mean, labels).isinf().sum())
            reason = f"{impossible} of {len(labels)} labels were given the probability 0"
        yield Value(metric, "", value, reason, True)


def _why_nan(measure: str, members: int | None) -> str:
    return ONE_MEMBER if members == 1 and measure in BETWEEN_MEMBERS else NOT_A_NUMBER


def _selection(scores: dict[str, Tensor], correct: Tensor, members: int | None) -> Iterator[Value]:
    for metric, of_score in SELECTIVE.items():
        for name, score in scores.items():
            if score.isnan().any():
                yield Value(metric, name, math.nan, _why_nan(name, members), True)
                continue
            value = of_score(score, correct)
            yield Value(metric, name, value, ALL_ALIKE if math.isnan(value) else "", True)


def _detection(
    scores: dict[str, Tensor], reference_scores: dict[str, Tensor], members: int | None
) -> Iterator[Value]:
    images, reference_images = (
        len(next(iter(each.values()))) for each in (scores, reference_scores)
    )
    yield Value(PREVALENCE, "", images / (images + reference_images), "", False)
    positive = torch.arange(reference_images + images) >= reference_images
    for metric, of_score in DETECTION.items():
        for name, score in scores.items():
            both = torch.cat([reference_scores[name], score])
            if both.isnan().any():
                yield Value(metric, name, math.nan, _why_nan(name, members), False)
                continue
            yield Value(metric, name, of_score(both, positive), "", False)
