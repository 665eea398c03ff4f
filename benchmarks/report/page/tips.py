"""What the page tells of a marker that is pointed at: its values, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from benchmarks.nouns import Names, Variant
from benchmarks.report.figures.drawing import rows_of
from benchmarks.report.figures.reliability import ACCURACY_BAND
from benchmarks.report.number_format import rounded

Row = Mapping[Any, Any]

Tips = dict[Variant, list[str]]
"""By method and size the texts of its markers, in their order."""


def tips(rows: pd.DataFrame, tip: Callable[[Row], str], column: str) -> Tips:
    """By method and size the text of each of its rows that has a marker: a value in this column."""
    drawn = rows[rows[column].abs() < math.inf]
    named = dict.fromkeys(map(Variant._make, drawn[["method", "members"]].to_numpy().tolist()))
    return {one: list(map(tip, rows_of(drawn, one).to_dict("records"))) for one in named}


def severity_tip(row: Row, label_of: Callable[[str], str]) -> str:
    """Of a metric under a condition."""
    return f"{label_of(row['condition'])}: {_value(row, 'value')}{_range(row)}"


def reliability_tip(row: Row) -> str:
    """Of a bin of confidences."""
    lower, upper = (row[column] for column in ACCURACY_BAND)
    interval = f" ({lower:.3f} to {upper:.3f})" if math.isfinite(lower) else ""
    bins = f"{row['count']:,.0f} images of confidence {row['confidence']:.3f}"
    return f"{bins}: accuracy {row['accuracy']:.3f}{interval}"


def roc_tip(row: Row) -> str:
    """Of a threshold."""
    lower, upper = (100 * row[end] for end in ("lower", "upper"))
    interval = f" ({lower:.1f} to {upper:.1f})" if math.isfinite(lower) else ""
    flagged = f"{100 * row['flagged']:.1f} %{interval} flagged"
    return f"{flagged}, and {100 * row['flagged_clean']:.1f} % of the clean images"


def abstaining_tip(row: Row) -> str:
    """Of a share of images abstained on."""
    return f"Abstaining on {row['abstained']:g} %: error {_value(row, 'error')} %"


def cost_tip(row: Row, names: Names) -> str:
    """Of a size of a method."""
    size = names.label(Variant(str(row["method"]), str(row["members"])))
    front = ", on the front" if row["pareto"] else ""
    return f"{size}: {_value(row, 'value')} in {latency(row['p50_ms'])}{_range(row)}{front}"


def latency(milliseconds: float) -> str:
    """Three digits, and never an exponent.

    >>> latency(0.012346), latency(118.4), latency(12345.6)
    ('0.0123 ms', '118 ms', '12,300 ms')
    """
    return f"{float(f'{milliseconds:.3g}'):,.12g} ms"


def _value(row: Row, column: str) -> str:
    value, half = rounded(row[column], (row["upper"] - row["lower"]) / 2)
    return f"{value} ± {half}" if half else value


def _range(row: Row) -> str:
    """Of the replicates of a mean, as `with_ranges` has them."""
    if math.isnan(row["of"]):
        return ""
    least, most = (rounded(row[end])[0] for end in ("least", "most"))
    return f" ({row['of']:g} replicates: {least} to {most})"
