"""The mean over the rotations whose labels are well defined, as one more condition."""

from __future__ import annotations

import pandas as pd

from benchmarks.conditions import CONDITIONS, MEAN_ROTATED
from benchmarks.records import MEASURED

AVERAGED = tuple(name for name, condition in CONDITIONS.items() if condition.averaged)


def mean_over_rotations(measurements: pd.DataFrame) -> pd.DataFrame:
    """Each replicate's mean over its rotations of up to 90°, as rows of the same columns.

    Where a rotation has no value the mean has none either, for the same reason.
    """
    turned = measurements[measurements["condition"].isin(AVERAGED)]
    key = ["recipe", "method", "members", "replicate", "score", "metric"]
    # The rows that have something to tell come first, so that theirs are the status and the reason.
    told = pd.DataFrame(
        {"missing": ~turned["status"].isin(MEASURED), "reason": turned["reason"] != ""}
    )
    first = told.sort_values(["missing", "reason"], ascending=False, kind="stable").index
    groups = turned.loc[first].groupby(key, sort=False)
    means = groups.agg(
        value=("value", lambda values: values.mean(skipna=False)),
        images=("images", "first"),
        status=("status", "first"),
        reason=("reason", "first"),
    )
    return means.reset_index().assign(condition=MEAN_ROTATED)[measurements.columns]
