"""Means of the rows of single replicates: ``summary.csv``, and the means over groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np
import pandas as pd

from benchmarks.inference.sides import Interval, Key
from benchmarks.metrics import METRICS
from benchmarks.schema import KEY, Measurement, SummaryRow, table_of
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import WITH_VALUE, mean_name

SECONDARY = "no interval: not computed for this score or size"
CONSTANT = "no interval: it is the same for every draw of images"


def means_over_groups(measurements: pd.DataFrame, conditions: Iterable[Condition]) -> pd.DataFrame:
    """Each replicate's mean over the conditions of a group that are in its mean, as more rows.

    A group of which a condition could not be had has none: it would be a mean of something else.
    """
    groups: dict[str, list[str]] = {}
    for condition in conditions:
        if condition.in_mean:
            groups.setdefault(condition.group, []).append(condition.name)
    measured = set(measurements["condition"])
    means = [
        _mean(measurements, group, names)
        for group, names in groups.items()
        if measured.issuperset(names)
    ]
    return pd.concat(means, ignore_index=True) if means else measurements.iloc[:0]


def _mean(measurements: pd.DataFrame, group: str, names: list[str]) -> pd.DataFrame:
    """The rows of one group; where a condition has no value the mean has none either."""
    averaged = measurements[measurements["condition"].isin(names)]
    # Rows without a value first, then rows with a reason: the first row's status and reason count.
    order = pd.DataFrame(
        {"missing": ~averaged["status"].isin(WITH_VALUE), "reason": averaged["reason"] != ""}
    )
    first = order.sort_values(["missing", "reason"], ascending=False, kind="stable").index
    of_group = [name for name in (*KEY, "replicate") if name != "condition"]
    groups = averaged.loc[first].groupby(of_group, sort=False)
    means = groups.agg(
        value=("value", lambda values: values.mean(skipna=False)),
        images=("images", "first"),
        status=("status", "first"),
        reason=("reason", "first"),
    )
    return means.reset_index().assign(condition=mean_name(group))[measurements.columns]


def summarise(
    measurements: pd.DataFrame, intervals: Mapping[Key, Interval] | None = None
) -> pd.DataFrame:
    """Mean over replicates with its 95 % interval, where there is one: ``summary.csv``."""
    groups: dict[Key, list[Measurement]] = {}
    for row in measurements.itertuples(index=False):
        replicate = cast(Measurement, row)
        groups.setdefault(_key(replicate), []).append(replicate)
    intervals, constant = intervals or {}, _constant()
    rows = (
        _mean_of_replicates(key, replicates, intervals.get(key), key[-1] in constant)
        for key, replicates in groups.items()
    )
    return table_of(SummaryRow, rows)


def _key(row: Measurement) -> Key:
    return (row.recipe, row.method, row.members, row.condition, row.score, row.metric)


def _mean_of_replicates(
    key: Key, replicates: list[Measurement], interval: Interval | None, constant: bool
) -> SummaryRow:
    measured = [row for row in replicates if row.status in WITH_VALUE]
    value = float(np.mean([row.value for row in measured])) if measured else math.nan
    if interval is None:
        why = CONSTANT if constant else SECONDARY
        interval = Interval(math.nan, why if math.isfinite(value) else "")
    of_status = measured or replicates
    shown = next((row for row in of_status if row.reason), of_status[0])
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
        budget=shown.budget,
    )


def _missing(replicates: list[Measurement]) -> str:
    """How many replicates have no value although others have, and why; empty: all alike."""
    missing = [row for row in replicates if row.status not in WITH_VALUE]
    if len(missing) in (0, len(replicates)):
        return ""
    first = missing[0]
    why = f": {first.reason}" if first.reason else ""
    return f"{first.status} in {len(missing)} of {len(replicates)} replicates{why}"


def _constant() -> set[str]:
    """The metrics that no draw of images changes."""
    return {name for name, metric in METRICS.items() if not metric.family.resampled}
