"""The replicates of a method in figures and on the page: each of them, and their mean."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.report.read.comparisons import Record
from benchmarks.report.results import Results
from benchmarks.schema import where
from benchmarks.vocabulary import FEWEST_REPLICATES

KEY = ["method", "members", "replicate", "condition"]


def shown_bounds(row: Record) -> tuple[float, float]:
    """The interval of a row of the summary as figures show it; the mean of a few has none (NaN).

    That of a single replicate is over the draw of images alone.
    """
    count = int(row["replicates"])
    shown = count == 1 or count >= FEWEST_REPLICATES
    return (row["lower"], row["upper"]) if shown else (math.nan, math.nan)


def each(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each of several replicates; none of a single one, which is drawn as the mean."""
    of_each = [one for _, one in rows.groupby("replicate")]
    return of_each if len(of_each) > 1 else []


def mean_curve(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The mean of the replicates' curves at every x that one of them has: vertical averaging.

    Between its points each curve is a straight line. A single replicate is its own mean, with the
    bounds of its band; the mean of several has none (``lower``, ``upper``: NaN). Curves begin at
    the same x; where one rises there vertically, so does the mean.
    """
    replicates = each(rows)
    if not replicates:
        return rows.assign(replicates=1)
    at = np.unique(rows[x])
    first = np.mean([one[y].iloc[0] for one in replicates])
    mean = np.mean([np.interp(at, one[x], one[y]) for one in replicates], axis=0)
    points = {x: [at[0], *at], y: [first, *mean], "lower": np.nan, "upper": np.nan}
    return pd.DataFrame(points).assign(replicates=len(replicates))


def of_each_method(
    table: pd.DataFrame, key: list[str], mean: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """What a function makes of the rows of each method, condition and so on, with these columns."""
    means = [
        mean(rows).assign(**{name: rows[name].iloc[0] for name in key})
        for _, rows in table.groupby(key, sort=False)
    ]
    return pd.concat(means, ignore_index=True)


def of_replicates(results: Results, means: pd.DataFrame, *along: str) -> pd.DataFrame:
    """The values of single replicates, of methods with several, where a figure has their mean.

    Args:
        means: of which method, members, metric and condition, a row a mean.
        along: further columns of these that a figure needs.
    """
    key = ["method", "members", "condition"]
    if means.empty:
        return _none("metric", *along)
    parts = [
        rows[[*key, "metric", *along]].merge(_values(results, str(metric)), on=key)
        for metric, rows in means.groupby("metric", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


def with_ranges(means: pd.DataFrame, replicates: pd.DataFrame, *along: str) -> pd.DataFrame:
    """The means with how many replicates each has (``of``), and the least and most of these.

    NaN where there is a single one.

    Args:
        replicates: as `of_replicates` gives them, of one metric and condition a point.
        along: the columns beside method and members that make a point.
    """
    key = ["method", "members", *along]
    grouped = replicates.groupby(key, as_index=False)["value"]
    return means.merge(grouped.agg(of="count", least="min", most="max"), how="left", on=key)


def _values(results: Results, metric: str) -> pd.DataFrame:
    if results.measured.empty:
        return _none()
    values = where(results.measured, metric=metric)[[*KEY, "value"]]
    several = values.groupby(["method", "members"])["replicate"].transform("nunique") > 1
    return values[several]


def _none(*further: str) -> pd.DataFrame:
    return pd.DataFrame(columns=[*KEY, *further, "value"]).astype({"value": float})
