"""The rows of ``measurements.csv``: every measure of a stored prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial

from torch import Tensor

from benchmarks.inference.image_values import ImageValues, StoredValues, values_of
from benchmarks.metrics import METRICS, Family, Metric, in_families
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.schema import Measurement, members_text
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import ILL_DEFINED
from methods.scores import SCORES, of_probabilities

ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself predicts NaN"
NO_LABELS = "the images have no label"
NO_CALIBRATION = "there are no predictions of calibration images"
NOT_GIVEN = {
    "members": "the method gives no predictions of its members",
    "logits": "the method gives no logits",
    "features": "the method gives no features",
}


def measure(
    unit: RunUnit,
    condition: Condition,
    stored: StoredPrediction,
    reference: StoredPrediction,
    calibration: StoredPrediction | None = None,
) -> Iterator[Measurement]:
    """Every measure of one stored prediction.

    Args:
        unit, condition: what it is of.
        stored: the prediction.
        reference: the same unit's prediction of the in-distribution images of detection.
        calibration: and of the calibration images, if there is one.

    Raises:
        UserError: a metric's or a score's function gives something else than it should.
    """
    own, remark = StoredValues(stored, calibration), stored.prediction.remark
    yield from measure_values(unit, condition, own, StoredValues(reference), remark)


def measure_values(
    unit: RunUnit,
    condition: Condition,
    own: ImageValues,
    reference: ImageValues,
    remark: str = "",
) -> Iterator[Measurement]:
    """The same from what the images contribute; ``remark``: the method's own, on its fit."""
    row = partial(_row, unit, condition, members_text(own.members), images=own.images)
    for family, score in _families(condition, own.own_scores):
        values = values_of(family, score, own, reference if condition.detected else None)
        for metric, value in zip(family.metrics, values.tolist(), strict=True):
            if math.isnan(value):
                status, reason = _why_undefined(metric, condition, score, own, reference)
                yield row(metric.name, score, None, status=status, reason=reason)
            else:
                status, reason = _status(metric, condition, own, value)
                told = "; ".join(filter(None, (reason, remark, own.remark(metric))))
                yield row(metric.name, score, value, status=status, reason=told)


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
        if "reference" in family.needs and not condition.detected:
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


def _status(
    metric: Metric, condition: Condition, own: ImageValues, value: float
) -> tuple[str, str]:
    """The status of a value, and the reason if it is not ``ok`` or is infinite."""
    if "labels" not in metric.needs:
        return "ok", ""
    remark = (
        f"{own.impossible_labels} of {own.images} labels were given the probability 0"
        if math.isinf(value)
        else ""
    )
    if condition.labels == "ill-defined":
        return ILL_DEFINED, "; ".join(filter(None, (condition.reason, remark)))
    return "ok", remark


def _why_undefined(
    metric: Metric, condition: Condition, score: str, own: ImageValues, reference: ImageValues
) -> tuple[str, str]:
    """``unavailable`` where something that it needs is missing, else ``undefined``; and why."""
    one_member = own.members == 1
    if "labels" in metric.needs and not own.labelled:
        return "undefined", condition.reason or NO_LABELS
    if "calibration" in metric.needs and not own.calibrated:
        return "unavailable", NO_CALIBRATION
    ranked = (own, reference) if "reference" in metric.needs else (own,)
    if score and any(_is_unranked(values.score(score)) for values in ranked):
        return _why_unranked(score, ranked)
    if one_member and metric.undefined_for_one:
        return "undefined", ONE_MEMBER
    if "members" in metric.needs:
        return "unavailable", NOT_GIVEN["members"]
    return "undefined", metric.undefined or NOT_A_NUMBER


def _why_unranked(score: str, ranked: tuple[ImageValues, ...]) -> tuple[str, str]:
    reasons = [values.reasons[score] for values in ranked if score in values.reasons]
    if reasons:
        return "undefined", reasons[0]
    known = SCORES.get(score)
    if known is None:
        return "undefined", NOT_A_NUMBER
    if ranked[0].members == 1 and known.undefined_for_one:
        return "undefined", ONE_MEMBER
    missing = next((NOT_GIVEN[need] for need in NOT_GIVEN if need in known.needs), "")
    return ("unavailable", missing) if missing else ("undefined", NOT_A_NUMBER)


def _is_unranked(score: Tensor | None) -> bool:
    return score is None or bool(score.isnan().any())
