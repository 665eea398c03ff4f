"""Coverage of conformal sets on clean and on shifted images: where what they promise ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchmarks.nouns import Variant
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    rows_of,
    title_above,
)
from benchmarks.report.numbers.replicates import each, of_replicates, shown_bounds
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN

IN_A_ROW = 3

SPAN = 0.7
"""How wide the methods of a condition stand beside one another; conditions are 1 apart."""

LINES = "95 % interval; small points: replicates"

SLANTED: Any = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}

COLUMNS = ["method", "members", "metric", "condition", "value", "lower", "upper"]


def set_coverage_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A panel a metric that has a nominal value, with a line there."""
    numbers = coverages(results)
    if numbers.empty:
        return
    metrics = [results.names.metric(name) for name in dict.fromkeys(numbers["metric"])]
    conditions = list(dict.fromkeys(numbers["condition"]))
    thin = of_replicates(results, numbers)
    figure, axes = panels(
        canvas, len(metrics), columns=IN_A_ROW, width=PAGE, height=2.0, sharex=True, sharey=True
    )
    for ax, metric in zip(axes, metrics, strict=True):
        draw(ax, where(numbers, metric=metric.name), where(thin, metric=metric.name), looks)
        ax.axhline(metric.nominal, color="black", linewidth=0.8, linestyle=":", label="nominal")
        labels = map(results.label_of, conditions)
        ax.set_xticks(range(len(conditions)), labels, **SLANTED)
        ax.set_ylabel(results.names.printed(metric.name).axis_label.replace(", ", ",\n"))
    legend_below(figure, axes, extra=[Line2D([], [], color="0.4", linewidth=0.8, label=LINES)])
    title_above(figure, finding(results, numbers))
    yield Drawing("set-coverage", figure, numbers)


def coverages(results: Results) -> pd.DataFrame:
    """The coverage of each method's sets on clean images, and as the mean over each group.

    The mean of a few replicates has no interval.
    """
    metrics = [one for one in results.names.metrics if not math.isnan(one.nominal)]
    rows = [
        (*variant, metric.name, condition, row["value"], *shown_bounds(row))
        for metric in metrics
        for condition in (CLEAN, *results.group_means)
        for variant in results.shown
        for row in filter(None, [results.find(variant, Quantity(condition, metric.name))])
        if pd.notna(row["value"])
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def finding(results: Results, numbers: pd.DataFrame) -> str:
    """What the sets of the first metric cover on clean images and by each mean, of all methods.

    Empty where there are none.
    """
    if numbers.empty:
        return ""
    first = where(numbers, metric=numbers["metric"].iloc[0])
    covered = [
        f"{_range(here['value'])} % ({results.label_of(str(condition)).lower()})"
        for condition, here in first.groupby("condition", sort=False)
    ]
    return f"{results.names.metric(first['metric'].iloc[0]).label}: {listed(covered)}"


def draw(
    ax: Axes, numbers: pd.DataFrame, thin: pd.DataFrame, looks: Mapping[Variant, Look]
) -> Axes:
    """One metric: at each condition a point a method, with its interval.

    Args:
        thin: the values of each replicate, drawn as small points.
    """
    conditions = list(dict.fromkeys(numbers["condition"]))
    for position, (variant, look) in enumerate(looks.items()):
        here = rows_of(numbers, variant)
        if here.empty:
            continue
        offset = SPAN * ((position + 0.5) / len(looks) - 0.5)
        x = here["condition"].map(conditions.index) + offset
        ax.plot(x, here["value"], **look.line | {"linestyle": "none"})
        ax.vlines(x, here["lower"], here["upper"], color=look.color, linewidth=0.8)
        for one in each(rows_of(thin, variant)):
            places = one["condition"].map(conditions.index) + offset
            ax.plot(places, one["value"], **look.point, marker=".")
    ax.set(xlim=(-0.5, len(conditions) - 0.5), ylim=(0, 1.03))
    ax.grid(visible=False, axis="x")
    return ax


def _range(values: pd.Series) -> str:
    ends = [f"{100 * end:.0f}" for end in (values.min(), values.max())]
    return "–".join(dict.fromkeys(ends))
