"""Reliability diagrams: is a method right as often as it says?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.report.figures.drawing import rows_of
from benchmarks.report.figures.reliability import ACCURACY_BAND, FEWEST
from benchmarks.report.names import Variant, angle_of, condition_label
from benchmarks.report.page.chart import Chart, Point, line, x_axis, y_axis
from benchmarks.report.results import Results
from benchmarks.report.style import Look


def reliability_charts(results: Results, looks: Mapping[Variant, Look]) -> list[Chart]:
    """A chart a condition; bins of few images are left out."""
    bins = results.curve("reliability")
    conditions = sorted(set(bins["condition"]), key=lambda c: angle_of(c) or 0)
    return [_chart(condition_label(c), bins[bins["condition"] == c], looks) for c in conditions]


def _chart(title: str, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Chart:
    x, y = x_axis("Confidence", 0, 1), y_axis("Accuracy", 0, 1)
    full = {variant: rows_of(bins[bins["count"] >= FEWEST], variant) for variant in looks}
    return Chart(
        title=title,
        description=f"Accuracy against confidence, {title}; the diagonal is perfect calibration",
        x=x,
        y=y,
        lines=tuple(
            line(looks[variant], variant, map(_point, rows.to_dict("records")), x, y)
            for variant, rows in full.items()
            if not rows.empty
        ),
        diagonal=True,
    )


def _point(row: Mapping[Any, Any]) -> Point:
    lower, upper = (row.get(column, math.nan) for column in ACCURACY_BAND)
    tip = (
        f"{row['count']:,.0f} images of confidence {row['confidence']:.3f}: "
        f"accuracy {row['accuracy']:.3f}"
    )
    interval = f" ({lower:.3f} to {upper:.3f})" if math.isfinite(lower) else ""
    return Point(row["confidence"], row["accuracy"], lower, upper, tip + interval)
