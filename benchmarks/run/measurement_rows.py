"""The rows of ``measurements.csv``: every measure of a stored prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial

from torch import Tensor

from benchmarks.inference.resampling import arrays_of
from benchmarks.metrics import METRICS, Arrays, Family, Metric, in_families
from benchmarks.metrics.metric import one_each
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.records import Measurement
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import ILL_DEFINED
from methods.scores import SCORES, of_probabilities

ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself predicts NaN"
NO_LABELS = "the images have no label"
NOT_GIVEN = {
    "members": "the method gives no predictions of its members",
    "logits": "the method gives no logits",
    "features": "the method gives no features",
}


def measure(
    unit: RunUnit, condition: Condition, stored: StoredPrediction, reference: StoredPrediction
) -> Iterator[Measurement]:
    """Every measure of one stored prediction.

    ``reference``: the same unit's prediction of the in-distribution images of detection.

    Raises:
        UserError: a metric's or a score's function gives something else than it should.
    """
    images = len(stored.prediction.mean)
    row = partial(_row, unit, condition, members_of(unit, stored), images=images)
    for family, score in _families(condition, stored.prediction.scores):
        arrays = arrays_of(condition, stored, reference, score)
        if arrays.score is not None:
            one_each(f"score {score!r}", arrays.score, images)
        for metric, value in zip(family.metrics, family.values(arrays).tolist(), strict=True):
            if math.isnan(value):
                reason = _why_undefined(metric, condition, arrays, score)
                yield row(metric.name, score, None, status="undefined", reason=reason)
            else:
                status, reason = _status(metric, condition, arrays, value)
                yield row(metric.name, score, value, status=status, reason=reason)


def without_value(
    unit: RunUnit,
    condition: Condition,
    reference: StoredPrediction | None,
    status: str,
    reason: str,
) -> Iterator[Measurement]:
    """The rows that `measure` would give, each with the reason why there is no value."""
    row = partial(_row, unit, condition, members_of(unit, reference), images=0)
    method_scores = reference.prediction.scores if reference else ()
    for metric, score in measured(condition, method_scores):
        yield row(metric, score, None, status=status, reason=reason)


def measured(condition: Condition, method_scores: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The measures under a condition of a method with these scores of its own.

    Pairs (metric, score); the score is empty for measures that use none.
    """
    return [
        (metric.name, score)
        for family, score in _families(condition, method_scores)
        for metric in family.metrics
    ]


def _families(condition: Condition, method_scores: Iterable[str]) -> Iterator[tuple[Family, str]]:
    """The families that are measured under a condition, each with every score that it needs."""
    scores = tuple(dict.fromkeys((*of_probabilities(), *method_scores)))
    for family in in_families(METRICS.values()):
        if "reference" in family.needs and condition.name == condition.reference:
            continue
        if "score" not in family.needs:
            yield family, ""
        elif condition.labelled or "labels" not in family.needs:
            yield from ((family, score) for score in scores)


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


def _status(metric: Metric, condition: Condition, arrays: Arrays, value: float) -> tuple[str, str]:
    """The status of a value, and why it is not ``ok`` or infinite."""
    if "labels" not in metric.needs:
        return "ok", ""
    remark = _impossible_labels(arrays) if math.isinf(value) else ""
    if condition.labels == "ill-defined":
        return ILL_DEFINED, "; ".join(filter(None, (condition.reason, remark)))
    return "ok", remark


def _impossible_labels(arrays: Arrays) -> str:
    assert arrays.labels is not None
    of_label = arrays.prediction.mean.gather(-1, arrays.labels[:, None])
    return f"{int((of_label == 0).sum())} of {len(of_label)} labels were given the probability 0"


def _why_undefined(metric: Metric, condition: Condition, arrays: Arrays, score: str) -> str:
    one_member = arrays.prediction.members == 1
    if "labels" in metric.needs and arrays.labels is None:
        return condition.reason or NO_LABELS
    if score and any(ranked is None or ranked.isnan().any() for ranked in _ranked(metric, arrays)):
        known = SCORES.get(score)
        if known is not None and one_member and known.undefined_for_one:
            return ONE_MEMBER
        (need,) = known.needs if known is not None else ("",)
        return NOT_GIVEN.get(need, NOT_A_NUMBER)
    if one_member and metric.undefined_for_one:
        return ONE_MEMBER
    if "members" in metric.needs:
        return NOT_GIVEN["members"]
    return metric.undefined or NOT_A_NUMBER


def _ranked(metric: Metric, arrays: Arrays) -> tuple[Tensor | None, ...]:
    """The scores that the metric ranks images by."""
    if "reference" in metric.needs:
        return arrays.score, arrays.reference_score
    return (arrays.score,)
