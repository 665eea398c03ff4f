"""Means of the rows of single replicates: ``summary.csv``, and the means over groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import cast

import pandas as pd

from benchmarks.metrics import METRICS
from benchmarks.records import Interval, Key
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import WITH_VALUE, mean_name

SECONDARY = "no interval: a secondary score, or a size that methods are not compared at"
CONSTANT = "no interval: it is the same for every draw of images"

_KEY = ["recipe", "method", "members", "condition", "score", "metric"]


def means_over_groups(measurements: pd.DataFrame, conditions: Iterable[Condition]) -> pd.DataFrame:
    """Each replicate's mean over the conditions of a group that are in its mean, as more rows."""
    groups: dict[str, list[str]] = {}
    for condition in conditions:
        if condition.in_mean:
            groups.setdefault(condition.group, []).append(condition.name)
    means = [_mean(measurements, group, names) for group, names in groups.items()]
    return pd.concat(means, ignore_index=True) if means else measurements.iloc[:0]


def _mean(measurements: pd.DataFrame, group: str, names: list[str]) -> pd.DataFrame:
    """The rows of one group; where a condition has no value the mean has none either."""
    averaged = measurements[measurements["condition"].isin(names)]
    # Rows without a value first, then rows with a reason: the first row's status and reason count.
    order = pd.DataFrame(
        {"missing": ~averaged["status"].isin(WITH_VALUE), "reason": averaged["reason"] != ""}
    )
    first = order.sort_values(["missing", "reason"], ascending=False, kind="stable").index
    groups = averaged.loc[first].groupby(
        ["recipe", "method", "members", "replicate", "score", "metric"], sort=False
    )
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
    rows = []
    for key, group in measurements.groupby(_KEY, sort=False, dropna=False):
        measured = group[group["status"].isin(WITH_VALUE)]
        value = float(measured["value"].mean()) if len(measured) else math.nan
        why = CONSTANT if group["metric"].iloc[0] in _constant() else SECONDARY
        not_resampled = Interval(math.nan, why if math.isfinite(value) else "")
        interval = (intervals or {}).get(cast(Key, key), not_resampled)
        _, lower, upper = interval.around(value)
        of_status = group if measured.empty else measured
        with_reason = of_status[of_status["reason"] != ""]
        shown = (of_status if with_reason.empty else with_reason).iloc[0]
        remarks = (shown["reason"], _missing(group), interval.reason, interval.note)
        rows.append(
            dict(zip(_KEY, key, strict=True))
            | {"value": value, "lower": lower, "upper": upper}
            | {"replicates": len(measured), "images": shown["images"], "status": shown["status"]}
            | {"reason": "; ".join(filter(None, remarks))}
        )
    bounds = ["value", "lower", "upper", "replicates", "images", "status", "reason"]
    return pd.DataFrame(rows, columns=_KEY + bounds)


def _missing(replicates: pd.DataFrame) -> str:
    """How many replicates have no value although others have, and why; empty: all alike."""
    missing = replicates[~replicates["status"].isin(WITH_VALUE)]
    if len(missing) in (0, len(replicates)):
        return ""
    first = missing.iloc[0]
    why = f": {first['reason']}" if first["reason"] else ""
    return f"{first['status']} in {len(missing)} of {len(replicates)} replicates{why}"


def _constant() -> set[str]:
    """The metrics that no draw of images changes."""
    return {name for name, metric in METRICS.items() if not metric.family.resampled}
