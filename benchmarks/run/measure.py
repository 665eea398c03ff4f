"""From shards to rows: every measure of every condition, without a network or an image."""

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
NOT_A_NUMBER = "the method itself answered NaN"
NO_LABELS = "out-of-distribution images have no label"
ALL_ALIKE = "all images are classified correctly, or all wrongly"
SMALL_BINS = "no bin holds enough images"
WHY_ILL_DEFINED = f"rotated by more than {LABELS_ILL_DEFINED_BEYOND}°, where labels are ill-defined (6 and 9 swap)"


class Finding(NamedTuple):
    """A measure's value; NaN where it is undefined, for this reason."""

    metric: str
    score: str
    value: float
    reason: str
    by_label: bool


def measure(
    unit: RunUnit, condition: Condition, stored: StoredPrediction, clean: StoredPrediction
) -> Iterator[Measurement]:
    """Every measure of one shard; detection compares it with the same cell's reference shard."""
    row = partial(
        _row, unit, condition, members_of(unit, stored), images=len(stored.prediction.mean)
    )
    for found in _findings(condition, stored, clean.prediction):
        if math.isnan(found.value):
            yield row(found.metric, found.score, None, status="undefined", reason=found.reason)
        elif found.by_label and condition.labels_ill_defined:
            reason = "; ".join(filter(None, (WHY_ILL_DEFINED, found.reason)))
            yield row(found.metric, found.score, found.value, status=ILL_DEFINED, reason=reason)
        else:
            yield row(found.metric, found.score, found.value, status="ok", reason=found.reason)


def without_value(
    unit: RunUnit, condition: Condition, clean: StoredPrediction | None, status: str, reason: str
) -> Iterator[Measurement]:
    """The rows that `measure` would give, each with the reason why there is no value."""
    row = partial(_row, unit, condition, members_of(unit, clean), images=0)
    method_scores = tuple(clean.prediction.scores) if clean else ()
    for metric, score in measured(condition, method_scores):
        yield row(metric, score, None, status=status, reason=reason)


def measured(condition: Condition, method_scores: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What is measured under a condition, of a method with these scores of its own.

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


def _findings(
    condition: Condition, stored: StoredPrediction, clean: Prediction
) -> Iterator[Finding]:
    prediction, labels = stored.prediction, stored.labels
    yield from _uncertainty(prediction)
    yield from _against_labels(prediction.mean, labels)
    scores = scores_of(prediction)
    if labels is not None:
        correct = scoring.correct(prediction.mean, labels)
        yield from _selection(scores, correct, prediction.members)
    if condition.name != condition.reference:
        yield from _detection(scores, scores_of(clean), prediction.members)


def _uncertainty(prediction: Prediction) -> Iterator[Finding]:
    for metric, of_each in UNCERTAINTIES.items():
        value = mean_over_images(of_each(prediction))
        reason = _why_nan(metric, prediction.members) if math.isnan(value) else ""
        yield Finding(metric, "", value, reason, False)


def _against_labels(mean: Tensor, labels: Tensor | None) -> Iterator[Finding]:
    for metric, of_all in LABELLED.items():
        if labels is None:
            yield Finding(metric, "", math.nan, NO_LABELS, True)
            continue
        value = of_all(mean, labels)
        reason = SMALL_BINS if math.isnan(value) else ""
        if math.isinf(value):
            impossible = int(scoring.negative_log_likelihood(mean, labels).isinf().sum())
            reason = f"{impossible} of {len(labels)} labels were given the probability 0"
        yield Finding(metric, "", value, reason, True)


def _why_nan(measure: str, members: int | None) -> str:
    return ONE_MEMBER if members == 1 and measure in BETWEEN_MEMBERS else NOT_A_NUMBER


def _selection(
    scores: dict[str, Tensor], correct: Tensor, members: int | None
) -> Iterator[Finding]:
    for metric, of_score in SELECTIVE.items():
        for name, score in scores.items():
            if score.isnan().any():
                yield Finding(metric, name, math.nan, _why_nan(name, members), True)
                continue
            value = of_score(score, correct)
            yield Finding(metric, name, value, ALL_ALIKE if math.isnan(value) else "", True)


def _detection(
    scores: dict[str, Tensor], clean_scores: dict[str, Tensor], members: int | None
) -> Iterator[Finding]:
    images, clean_images = (len(next(iter(each.values()))) for each in (scores, clean_scores))
    yield Finding(PREVALENCE, "", images / (images + clean_images), "", False)
    positive = torch.arange(clean_images + images) >= clean_images
    for metric, of_score in DETECTION.items():
        for name, score in scores.items():
            both = torch.cat([clean_scores[name], score])
            if both.isnan().any():
                yield Finding(metric, name, math.nan, _why_nan(name, members), False)
                continue
            yield Finding(metric, name, of_score(both, positive), "", False)
