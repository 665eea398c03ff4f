"""ROC curves: telling out-of-distribution images from clean ones by each score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from benchmarks.report.figures.drawing import rows_of
from benchmarks.report.names import METRICS, Variant, condition_label
from benchmarks.report.page.chart import Chart, Point, line, x_axis, y_axis
from benchmarks.report.results import Results
from benchmarks.report.style import Look

TOLD = 8
"""One of so many points of a curve has a marker and tells its numbers."""


class Detection(NamedTuple):
    """The charts of one score, one a set of out-of-distribution images."""

    score: str
    label: str
    charts: Sequence[Chart]


def detections(results: Results, looks: Mapping[Variant, Look]) -> list[Detection]:
    """A group of charts a score."""
    points = results.curve("roc")
    return [
        Detection(
            score, METRICS[score].name, _charts(points[points["score"] == score], results, looks)
        )
        for score in METRICS
        if score in set(points["score"])
    ]


def _charts(points: pd.DataFrame, results: Results, looks: Mapping[Variant, Look]) -> list[Chart]:
    return [
        _chart(condition_label(condition), points[points["condition"] == condition], looks)
        for condition in results.ood
        if condition in set(points["condition"])
    ]


def _chart(title: str, points: pd.DataFrame, looks: Mapping[Variant, Look]) -> Chart:
    x, y = x_axis("Clean images flagged", 0, 1), y_axis("OOD images flagged", 0, 1)
    chosen = {variant: rows_of(points, variant) for variant in looks}
    return Chart(
        title=title,
        description=f"ROC curves, {title} against clean images; the diagonal is chance",
        x=x,
        y=y,
        lines=tuple(
            line(looks[variant], variant, _points(rows), x, y)
            for variant, rows in chosen.items()
            if not rows.empty
        ),
        diagonal=True,
    )


def _points(rows: pd.DataFrame) -> list[Point]:
    # A run that is older than its curves' bands has no bounds.
    columns = rows.reindex(columns=["flagged_clean", "flagged", "lower", "upper"])
    return [
        Point(
            clean,
            flagged,
            lower,
            upper,
            _tip(clean, flagged, lower, upper) if place % TOLD == TOLD // 2 else "",
        )
        for place, (clean, flagged, lower, upper) in enumerate(
            columns.itertuples(index=False, name=None)
        )
    ]


def _tip(clean: float, flagged: float, lower: float, upper: float) -> str:
    interval = f" ({100 * lower:.1f} to {100 * upper:.1f})" if math.isfinite(lower) else ""
    return f"{100 * flagged:.1f} %{interval} flagged, and {100 * clean:.1f} % of the clean images"
