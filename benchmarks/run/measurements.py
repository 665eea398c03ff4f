"""The measures that a run writes: which, their rows, and the means over replicates."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from jaxtyping import Float64

from benchmarks.headline import HEADLINE
from benchmarks.inference.evidence import MeasuredUnit, MeasureName
from benchmarks.inference.intervals import Interval, Key
from benchmarks.inference.resampling import Frame
from benchmarks.metrics import METRICS, Family, Metric
from benchmarks.metrics.metric import each_once
from benchmarks.predictions import RunUnit, members_of
from benchmarks.run.image_values import ImageValues, RankedFamily, every_measure, prepared
from benchmarks.schema import Measurement, SummaryRow, table_of
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import CLEAN, ILL_DEFINED, WITH_VALUE, mean_name
from methods.scores import SCORES

SINGLE, MEAN, ALONE, UNLABELLED = "single", "mean", "alone", "unlabelled"
"""Kinds of conditions beside the clean one: a severity or kind of a shift, the mean over these, a
labelled condition that is neither, and images of no class."""

OF_SEVERITIES = (
    *("squared_ce_debiased", "nll_recalibrated", "expected_entropy", "mean_confidence"),
    *("misclassification_auroc", "aurc", "augrc"),
)
"""The metrics that single severities and kinds have, too, beside those of the main table."""

ONLY_KIND = {
    "vote_entropy": CLEAN,
    **dict.fromkeys(("aupr_out", "aupr_in", "fpr95", "prevalence"), UNLABELLED),
}
"""The only kind of conditions that a metric is for, where not for all but the single ones."""

OF_SETS = (CLEAN, MEAN)
"""Kinds of conditions that all metrics of conformal sets are for."""

RANKED_BY_OTHER_SCORES = {
    ("auroc", UNLABELLED),
    ("augrc", CLEAN),
    ("augrc", "corrupted"),
    ("misclassification_auroc", CLEAN),  # a claim is judged by it
}
"""The metrics of other scores than the primary one, and on which images: a kind, or a group."""


def kind_of(condition: Condition) -> str:
    """The kind of a condition."""
    if condition.name == condition.reference:
        return CLEAN
    if condition.is_one_of_many and not condition.subset:
        return SINGLE
    return ALONE if condition.labelled else UNLABELLED


@dataclass(frozen=True)
class KeptRows:
    """The measures of methods with this primary score.

    Attributes:
        every: whether all are kept.
    """

    primary: str
    every: bool = False

    def keeps(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whether the measure is kept under a condition."""
        if self.every:
            return True
        if not condition.labelled and "labels" in metric.needs:
            return False
        return self._is_kept(kind_of(condition), condition.group, metric, score)

    def keeps_mean(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whether it is kept of the mean over a group, of which this is a condition."""
        if condition.labelled:
            return self.every or self._is_kept(MEAN, condition.group, metric, score)
        judged = {measure.metric for measure in HEADLINE if measure.images == "unknown"}
        kept = metric.name in judged and self._is_kept(UNLABELLED, condition.group, metric, score)
        return self.every or kept

    def measures(self, condition: Condition, own_scores: Collection[str]) -> Iterator[RankedFamily]:
        """What is to be measured under a condition, also for the mean over its group."""
        for family, score in every_measure(own_scores):
            if not condition.detected and "reference" in family.needs:
                continue
            if not condition.labelled and {"score", "labels"} <= family.needs:
                continue
            kept = [
                metric
                for metric in family.metrics
                if self.keeps(condition, metric, score)
                or (condition.in_mean and self.keeps_mean(condition, metric, score))
            ]
            if kept:
                yield type(family)(kept), score

    def _is_kept(self, kind: str, group: str, metric: Metric, score: str) -> bool:
        if score not in ("", self.primary):
            places = {(metric.name, kind), (metric.name, group)}
            return kind != SINGLE and not RANKED_BY_OTHER_SCORES.isdisjoint(places)
        if kind == SINGLE:
            return metric.shown != "detail" or metric.name in OF_SEVERITIES
        return kind in OF_SETS if metric.level else ONLY_KIND.get(metric.name, kind) == kind


ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself predicts NaN"
NO_LABELS = "the images have no label"
NO_CALIBRATION = "there are no predictions of calibration images"
NOT_GIVEN = {
    "members": "the method gives no predictions of its members",
    "logits": "the method gives no logits",
    "features": "the method gives no features",
}


class FamilyValues(NamedTuple):
    """The metrics of one prediction by one score, and what their rows are computed from.

    Attributes:
        values: of the images themselves, NaN where undefined.
        prepared: the images sorted or binned; ``None`` where no metric is defined.
    """

    family: Family
    score: str
    values: Float64[np.ndarray, " metrics"]
    prepared: Any | None


def measured(
    measures: Iterable[RankedFamily], own: ImageValues, reference: ImageValues | None
) -> Iterator[FamilyValues]:
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
        yield FamilyValues(family, score, values, ready)


def varying(
    measured: FamilyValues, frame: Frame, condition: Condition
) -> dict[MeasureName, MeasuredUnit]:
    """The metrics that have a value, and how they vary with the draw of images.

    Args:
        frame: of the condition, for metrics that need a reference also of that.
    """
    family, score, values, ready = measured
    if ready is None or not family.resampled:
        return {}
    rows, undefined = frame.rows(family, ready, condition)
    # What resamples give is no row of images.
    groups = frame.groups if rows.shape[1] == len(frame.groups) else np.arange(rows.shape[1])
    columns = values.tolist(), rows.astype(np.float32), undefined.tolist()
    return {
        (metric.name, score): MeasuredUnit(value, row, groups, share)
        for metric, value, row, share in zip(family.metrics, *columns, strict=True)
        if not math.isnan(value)
    }


def rows_of(
    unit: RunUnit,
    condition: Condition,
    measured: FamilyValues,
    own: ImageValues,
    reference: ImageValues,
) -> Iterator[Measurement]:
    """A row a metric; an undefined one has the reason."""
    row = _row(unit, condition, members_of(unit, own.members), own.images)
    score = measured.score
    for metric, value in zip(measured.family.metrics, measured.values.tolist(), strict=True):
        if math.isnan(value):
            status, reason = _why_undefined(metric, condition, score, own, reference)
            yield replace(row, metric=metric.name, score=score, status=status, reason=reason)
            continue
        status, remarks = "ok", [own.note, own.remark(metric)]
        if "labels" in metric.needs:
            if math.isinf(value):
                labels = f"{own.impossible_labels} of {own.images} labels"
                remarks.insert(0, f"{labels} were given the probability 0")
            if condition.labels == "ill-defined":
                status = ILL_DEFINED
                remarks.insert(0, condition.reason)
        reason = "; ".join(filter(None, remarks))
        yield replace(
            row, metric=metric.name, score=score, value=value, status=status, reason=reason
        )


def without_value(
    unit: RunUnit,
    condition: Condition,
    members: str,
    measures: Iterable[RankedFamily],
    status: str,
    reason: str,
) -> Iterator[Measurement]:
    """The rows of measures that have no value, each with the reason why."""
    row = replace(_row(unit, condition, members, images=0), status=status, reason=reason)
    for family, score in measures:
        for metric in family.metrics:
            yield replace(row, metric=metric.name, score=score)


def _row(unit: RunUnit, condition: Condition, members: str, images: int) -> Measurement:
    """Row of no measure yet."""
    return Measurement(
        method=unit.method,
        members=members,
        budget=unit.budget,
        condition=condition.name,
        score="",
        metric="",
        replicate=unit.replicate,
        value=None,
        images=images,
    )


def _why_undefined(
    metric: Metric, condition: Condition, score: str, own: ImageValues, reference: ImageValues
) -> tuple[str, str]:
    """``unavailable`` where something that it needs is missing, else ``undefined``; and why."""
    if "labels" in metric.needs and not own.labelled:
        return "undefined", condition.reason or NO_LABELS
    if "calibration" in metric.needs and not own.calibrated:
        return "unavailable", NO_CALIBRATION
    ranked = (own, reference) if "reference" in metric.needs else (own,)
    scores = [values.score(score) for values in ranked] if score else []
    if any(values is None or values.isnan().any() for values in scores):
        return _why_unranked(score, ranked)
    if own.members == 1 and metric.undefined_for_one:
        return "undefined", ONE_MEMBER
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


CONSTANT = "no interval: it is the same for every draw of images"


def means_over_groups(
    rows: Iterable[Measurement], conditions: Iterable[Condition]
) -> list[Measurement]:
    """Rows of each replicate's mean over the conditions of a group that are in its mean.

    Where a condition has no value the mean has none either, and that condition's reason. A group of
    which a condition could not be had has none: it would be a mean of something else.
    """
    group_of = {condition.name: condition.group for condition in conditions if condition.in_mean}
    averaged: dict[tuple[object, ...], list[Measurement]] = {}
    measured = set[str]()
    for row in rows:
        if row.condition in group_of:
            measured.add(row.condition)
            group = mean_name(group_of[row.condition])
            unit = row.method, row.members, row.budget, row.replicate
            averaged.setdefault((group, *unit, row.metric, row.score), []).append(row)
    lacking = {mean_name(group) for name, group in group_of.items() if name not in measured}
    return [_mean(str(key[0]), alike) for key, alike in averaged.items() if key[0] not in lacking]


def _mean(name: str, rows: Sequence[Measurement]) -> Measurement:
    shown = min(rows, key=lambda row: (row.status in WITH_VALUE, not row.reason))
    values = [row.value for row in rows if row.value is not None]
    value = float(np.mean(values)) if len(values) == len(rows) else None
    return replace(shown, condition=name, value=value)


def summarise(
    measurements: pd.DataFrame, intervals: Mapping[Key, Interval] | None = None
) -> pd.DataFrame:
    """Mean over replicates with its 95 % interval, where there is one: ``summary.csv``."""
    groups: dict[Key, list[Measurement]] = {}
    for each in measurements.itertuples(index=False):
        row = cast(Measurement, each)
        key = (row.method, row.members, row.budget, row.condition, row.score, row.metric)
        groups.setdefault(key, []).append(row)
    constant = {name for name, metric in METRICS.items() if not metric.family.resampled}
    rows = (
        _mean_of_replicates(key, replicates, (intervals or {}).get(key), key[-1] in constant)
        for key, replicates in groups.items()
    )
    return table_of(SummaryRow, rows)


def _mean_of_replicates(
    key: Key, replicates: list[Measurement], interval: Interval | None, constant: bool
) -> SummaryRow:
    measured = [row for row in replicates if row.status in WITH_VALUE]
    value = float(np.mean([row.value for row in measured])) if measured else math.nan
    if interval is None:
        interval = Interval(math.nan, CONSTANT if constant and math.isfinite(value) else "")
    shown_rows = measured or replicates
    shown = next((row for row in shown_rows if row.reason), shown_rows[0])
    remarks = (shown.reason, _missing(replicates), interval.reason, interval.note)
    reason = "; ".join(filter(None, remarks))
    _, lower, upper = interval.around(value)
    return SummaryRow(
        *key,
        *(value, lower, upper),
        replicates=len(measured),
        images=shown.images,
        status=shown.status,
        reason=reason,
        task=shown.task,
    )


def _missing(replicates: list[Measurement]) -> str:
    """Remark on replicates without a value, where others have one; empty: all are alike."""
    missing = [row for row in replicates if row.status not in WITH_VALUE]
    if len(missing) in (0, len(replicates)):
        return ""
    first = missing[0]
    why = f": {first.reason}" if first.reason else ""
    return f"{first.status} in {len(missing)} of {len(replicates)} replicates{why}"
