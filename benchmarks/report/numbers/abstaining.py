"""Selective prediction: the error of the images that are left where methods abstain on some."""

from __future__ import annotations

import pandas as pd

from benchmarks.report.editorial import RIGHT
from benchmarks.report.numbers.replicates import of_replicates, shown_bounds
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results

COLUMNS = [
    *("condition", "method", "members", "metric", "abstained"),
    *("replicates", "error", "lower", "upper"),
]

TYPICAL = 5.0
"""About how many percent of the images the finding is of."""


def steps(results: Results) -> dict[str, float]:
    """The metrics, with the images that methods abstain on by each of them, in percent, from 0 on.

    Empty where a run has no such metric.
    """
    selective = [one for one in results.names.metrics if one.coverage < 1]
    ordered = sorted(selective, key=lambda one: -one.coverage)
    left_out = {one.name: round(100 * (1 - one.coverage), 6) for one in ordered}
    return {RIGHT: 0.0, **left_out} if left_out else {}


def errors(results: Results) -> pd.DataFrame:
    """The error of each method at each step, in percent; the mean of a few has no interval."""
    rows: list[dict[str, object]] = []
    for condition in results.well_labelled:
        for variant in results.shown:
            for metric, abstained in steps(results).items():
                row = results.find(variant, Quantity(condition, metric))
                if row is None or pd.isna(row["value"]):
                    continue
                values = sorted(in_percent(metric, bound) for bound in shown_bounds(row))
                error = in_percent(metric, row["value"])
                place = condition, *variant, metric, abstained
                rows.append((*place, int(row["replicates"]), error, *values))
    return pd.DataFrame(rows, columns=COLUMNS)


def replicate_errors(results: Results, means: pd.DataFrame) -> pd.DataFrame:
    """The error of each of several replicates, in percent, where `errors` has their mean."""
    thin = of_replicates(results, means, "abstained")
    pairs = zip(thin["metric"], thin["value"], strict=True)
    return thin.assign(error=[in_percent(metric, value) for metric, value in pairs])


def in_percent(metric: str, value: float) -> float:
    """The error in percent, from the value of one of the `steps`."""
    return 100 * (1 - value if metric == RIGHT else value)


def finding(results: Results, means: pd.DataFrame) -> str:
    """What abstaining does on the first and on the last of the conditions, over all methods."""
    shares = sorted(set(means["abstained"]) - {0.0})
    typical = min(shares, key=lambda share: abs(share - TYPICAL))
    shown = list(dict.fromkeys(means["condition"]))
    changes = [
        f"from {_range(means, condition, 0.0)} to {_range(means, condition, typical)} % "
        f"({results.label_of(condition).lower()})"
        for condition in dict.fromkeys((shown[0], shown[-1]))
    ]
    return (
        f"Abstaining on {typical:g} % of images takes the methods' errors {' and '.join(changes)}"
    )


def _range(means: pd.DataFrame, condition: str, abstained: float) -> str:
    here = means[(means["condition"] == condition) & (means["abstained"] == abstained)]
    ends = [percent(end) for end in (here["error"].min(), here["error"].max())]
    return "–".join(dict.fromkeys(ends))


def percent(value: float) -> str:
    """Two digits, or whole percents.

    >>> percent(0.1234), percent(3.456), percent(34.56), percent(0.0)
    ('0.12', '3.5', '35', '0')
    """
    if value == 0:
        return "0"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
