"""Every measure against the angle by which the images are rotated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.report.figures.drawing import (
    MARGIN,
    Drawing,
    draw_band,
    legend_below,
    panels,
    rows_of,
    shade_ill_defined,
)
from benchmarks.report.names import METRICS, Variant, rotated
from benchmarks.report.results import Quantity, Results
from benchmarks.report.style import COLUMN, PAGE, Look

MEASURES = (
    *("accuracy", "nll", "ece"),
    *("predictive_entropy", "mutual_information", "pairwise_disagreement"),
)
COLUMNS = ["method", "members", "metric", "angle", "value", "lower", "upper"]


def rotation_figures(results: Results, looks: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """All measures in a figure as wide as the page, and each in one as wide as a column."""
    numbers = lines(results)
    if numbers["angle"].nunique() < 2:
        return
    measures = [metric for metric in MEASURES if metric in set(numbers["metric"])]
    figure, axes = panels(len(measures), columns=3, width=PAGE, height=1.75, sharex=True)
    for position, (ax, metric) in enumerate(zip(axes, measures, strict=True)):
        draw(ax, numbers, metric, looks, reason=position < 3)
    for ax in axes[:-3]:
        ax.set_xlabel("")
    legend_below(figure, axes)
    yield Drawing("rotation", figure, numbers)
    for metric in measures:
        figure, (ax,) = panels(1, columns=1, width=COLUMN, height=2.7)
        draw(ax, numbers, metric, looks)
        legend_below(figure, [ax])
        yield Drawing(f"rotation-{metric}", figure, numbers[numbers["metric"] == metric])


def lines(results: Results) -> pd.DataFrame:
    """The value of each measure, with its interval, at each angle."""
    rows = []
    for variant in results.shown:
        for metric in MEASURES:
            for angle in (0, *results.angles):
                row = results.find(variant, Quantity(rotated(angle), metric))
                if row is not None and pd.notna(row["value"]):
                    bounds = (row["value"], row["lower"], row["upper"])
                    rows.append((*variant, metric, angle, *bounds))
    return pd.DataFrame(rows, columns=COLUMNS)


def draw(
    ax: Axes,
    numbers: pd.DataFrame,
    metric: str,
    looks: Mapping[Variant, Look],
    *,
    reason: bool = True,
) -> Axes:
    """One measure: a line a method, and a band where there is an interval.

    ``reason``: whether to write above the shaded range why it is shaded.
    """
    shade_ill_defined(ax, numbers["angle"], reason=reason)
    for variant, look in looks.items():
        line = rows_of(numbers, variant, metric=metric)
        if line.empty:
            continue
        ax.plot(line["angle"], line["value"], **look.line)
        draw_band(ax, line, "angle", look)
    of_metric = numbers[numbers["metric"] == metric]
    values = of_metric.loc[of_metric["value"] < float("inf"), ["value", "upper"]]
    highest = 1.02 if metric == "accuracy" else 1.05 * values.max().max()
    ax.set_ylim(0, highest if highest > 0 else None)
    ax.set_xlim(-MARGIN, numbers["angle"].max() + MARGIN)
    ax.set_xticks(range(0, int(numbers["angle"].max()) + 1, 30))
    ax.set(xlabel="Rotation (degrees)", ylabel=METRICS[metric].axis_label)
    return ax
