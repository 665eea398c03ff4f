"""The rows of ``measurements.csv``: every measure of a stored prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from benchmarks.inference.image_values import ImageValues, Measure, prepared
from benchmarks.metrics import Family, Metric
from benchmarks.metrics.metric import each_once
from benchmarks.predictions import RunUnit
from benchmarks.schema import Measurement, members_text
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import ILL_DEFINED
from methods.scores import SCORES

ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself predicts NaN"
NO_LABELS = "the images have no label"
NO_CALIBRATION = "there are no predictions of calibration images"
NOT_GIVEN = {
    "members": "the method gives no predictions of its members",
    "logits": "the method gives no logits",
    "features": "the method gives no features",
}


class Measured(NamedTuple):
    """The metrics of one prediction by one score, and what their resamples are computed from.

    Attributes:
        values: of the images themselves, NaN where undefined.
        prepared: the images sorted or binned; ``None`` where no metric is defined.
    """

    family: Family
    score: str
    values: Float64[np.ndarray, " metrics"]
    prepared: Any | None


def measured(
    measures: Iterable[Measure], own: ImageValues, reference: ImageValues | None
) -> Iterator[Measured]:
    """The measures of a prediction.

    Args:
        reference: of the images from which these are distinguished; ``None`` where these are they.
    """
    once = [each_once(values.images if values else 0) for values in (own, reference)]
    for family, score in measures:
        ready = prepared(family, score, own, reference)
        values = np.full(len(family.metrics), np.nan)
        if ready is not None:
            values = family.evaluate(ready, *once)[:, 0]
        yield Measured(family, score, values, ready)


def rows_of(
    unit: RunUnit,
    condition: Condition,
    measured: Measured,
    own: ImageValues,
    reference: ImageValues,
) -> Iterator[Measurement]:
    """A row a metric; an undefined one has the reason."""
    row = partial(_row, unit, condition, members_text(own.members), images=own.images)
    score = measured.score
    for metric, value in zip(measured.family.metrics, measured.values.tolist(), strict=True):
        if math.isnan(value):
            status, reason = _why_undefined(metric, condition, score, own, reference)
            yield row(metric.name, score, None, status=status, reason=reason)
        else:
            status, reason = _status(metric, condition, own, value)
            remarks = "; ".join(filter(None, (reason, own.note, own.remark(metric))))
            yield row(metric.name, score, value, status=status, reason=remarks)


def without_value(
    unit: RunUnit,
    condition: Condition,
    members: str,
    measures: Iterable[Measure],
    status: str,
    reason: str,
) -> Iterator[Measurement]:
    """The rows of measures that have no value, each with the reason why."""
    row = partial(_row, unit, condition, members, images=0)
    for family, score in measures:
        for metric in family.metrics:
            yield row(metric.name, score, None, status=status, reason=reason)


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
