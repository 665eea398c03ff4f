"""The mean over the rotations whose labels are well defined, as one more condition."""

from __future__ import annotations

import pandas as pd

from benchmarks.tasks.conditions import CONDITIONS
from benchmarks.vocabulary import ROTATED_MEAN, WITH_VALUE

AVERAGED = tuple(name for name, condition in CONDITIONS.items() if condition.averaged)


def mean_over_rotations(measurements: pd.DataFrame) -> pd.DataFrame:
    """Each replicate's mean over its rotations of up to 90°, as rows of the same columns.

    Where a rotation has no value the mean has none either, for the same reason.
    """
    rotated = measurements[measurements["condition"].isin(AVERAGED)]
    key = ["recipe", "method", "members", "replicate", "score", "metric"]
    # The rows that have something to tell come first, so that theirs are the status and the reason.
    told = pd.DataFrame(
        {"missing": ~rotated["status"].isin(WITH_VALUE), "reason": rotated["reason"] != ""}
    )
    first = told.sort_values(["missing", "reason"], ascending=False, kind="stable").index
    groups = rotated.loc[first].groupby(key, sort=False)
    means = groups.agg(
        value=("value", lambda values: values.mean(skipna=False)),
        images=("images", "first"),
        status=("status", "first"),
        reason=("reason", "first"),
    )
    return means.reset_index().assign(condition=ROTATED_MEAN)[measurements.columns]
