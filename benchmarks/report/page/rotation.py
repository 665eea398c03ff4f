"""Every measure against the angle by which the digits are turned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.report.figures.drawing import MARGIN, rows_of
from benchmarks.report.figures.rotation import MEASURES, lines
from benchmarks.report.names import METRICS, Variant
from benchmarks.report.number_format import rounded
from benchmarks.report.page.chart import Chart, Point, line, x_axis, y_axis
from benchmarks.report.results import Results
from benchmarks.report.style import Look
from benchmarks.vocabulary import LABELS_ILL_DEFINED_BEYOND


def rotation_charts(results: Results, looks: Mapping[Variant, Look]) -> list[Chart]:
    """A chart a measure; none where nothing was turned."""
    numbers = lines(results)
    if numbers["angle"].nunique() < 2:
        return []
    return [
        _chart(numbers[numbers["metric"] == metric], metric, looks)
        for metric in MEASURES
        if metric in set(numbers["metric"])
    ]


def _chart(numbers: pd.DataFrame, metric: str, looks: Mapping[Variant, Look]) -> Chart:
    last = int(numbers["angle"].max())
    finite = numbers.loc[numbers["value"] < math.inf, "value"]
    highest = 1.02 if metric == "accuracy" else 1.1 * finite.max()
    x = x_axis("Rotation (degrees)", -MARGIN, last + MARGIN, places=tuple(range(0, last + 1, 30)))
    y = y_axis(METRICS[metric].axis_label, 0, highest if highest > 0 else 1)
    chosen = {variant: rows_of(numbers, variant) for variant in looks}
    return Chart(
        title=f"{METRICS[metric].name} {METRICS[metric].better}".strip(),
        description=f"{METRICS[metric].axis_label} at each angle from 0° to {last}°",
        x=x,
        y=y,
        lines=tuple(
            line(looks[variant], variant, map(_point, rows.to_dict("records")), x, y)
            for variant, rows in chosen.items()
            if not rows.empty
        ),
        shaded=(x.at(LABELS_ILL_DEFINED_BEYOND), x.end)
        if last > LABELS_ILL_DEFINED_BEYOND
        else None,
    )


def _point(row: Mapping[Any, Any]) -> Point:
    value, half = rounded(row["value"], (row["upper"] - row["lower"]) / 2)
    tip = f"{row['angle']:.0f}°: {value}" + (f" ± {half}" if half else "")
    return Point(row["angle"], row["value"], row["lower"], row["upper"], tip)
