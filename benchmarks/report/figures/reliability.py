"""Reliability diagrams: does accuracy equal confidence?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from benchmarks.records import where
from benchmarks.report.figures.drawing import Drawing, conditions_in, legend_below, rows_of
from benchmarks.report.names import Variant
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look

FEWEST = 10
"""Images that a bin must hold to be drawn, as for the MCE: the accuracy of fewer is chance."""

ACCURACY_BAND = ("accuracy_lower", "accuracy_upper")

BAR = 0.6
"""How opaque a bin's interval is."""


def reliability_figures(results: Results, looks: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """A column of two panels a condition: accuracy against confidence, and images a bin."""
    numbers = results.curve("reliability")
    conditions = conditions_in(numbers, results.names)
    if not conditions:
        return
    figure = Figure(figsize=(max(COLUMN, PAGE * len(conditions) / 3), 3.3), layout="constrained")
    grid = figure.subplots(
        *(2, len(conditions)),
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=[2.4, 1],
    )
    for (above, below), condition in zip(grid.T, conditions, strict=True):
        chosen = where(numbers, condition=condition)
        draw(above, chosen, looks).set_title(results.label_of(condition))
        draw_counts(below, chosen, looks)
    grid[0, 0].set_ylabel(f"Accuracy\n(bins of ≥ {FEWEST} images)")
    grid[1, 0].set_ylabel("Images per bin")
    legend_below(figure, grid[0])
    yield Drawing("reliability", figure, numbers)


def draw(ax: Axes, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One condition: a line a method; calibration would put it on the diagonal.

    Bars are intervals of each bin's accuracy.
    """
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, zorder=1, label="Perfect calibration")
    for variant, look in looks.items():
        full = rows_of(bins, variant)
        full = full[full["count"] >= FEWEST]
        if not full.empty:
            ax.plot(full["confidence"], full["accuracy"], **look.line)
            lower, upper = (full[column] for column in ACCURACY_BAND)
            ax.vlines(full["confidence"], lower, upper, color=look.color, linewidth=0.7, alpha=BAR)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03))
    return ax


def draw_counts(ax: Axes, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One condition: how many images each bin holds, on a logarithmic scale."""
    for variant, look in looks.items():
        line = rows_of(bins, variant)
        if not line.empty:
            edges = [*line["lower"], line["upper"].iloc[-1]]
            ax.stairs(
                line["count"].clip(lower=0.5),
                edges,
                baseline=0.5,
                color=look.color,
                linestyle=look.linestyle,
                linewidth=look.curve["linewidth"],
            )
    ax.axhline(FEWEST, color="0.6", linewidth=0.6, zorder=1)
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.8)
    ax.minorticks_off()
    ax.yaxis.set_major_locator(LogLocator(numticks=9))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set(xlabel="Confidence")
    return ax
