"""Reliability diagrams: does accuracy equal confidence?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, StrMethodFormatter

from benchmarks.nouns import Variant
from benchmarks.report.answer.findings import title
from benchmarks.report.editorial import CALIBRATION_TITLE
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    conditions_in,
    legend_below,
    page,
    replicates_entry,
    rows_of,
    title_above,
)
from benchmarks.report.numbers.replicates import each, of_each_method
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look
from benchmarks.schema import where

FEWEST = 10
"""Images that a bin must hold to be drawn, as for the MCE: the accuracy of fewer is chance."""

ACCURACY_BAND = ("accuracy_lower", "accuracy_upper")

LEAST = 0.5
"""Where the logarithmic axis of images begins: no image."""

DRAWN = ("replicates", "lower", "upper", "count", "confidence", "accuracy", *ACCURACY_BAND)

BAR = 0.6
"""How opaque a bin's interval is."""


def reliability_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A column of two panels a condition: accuracy against confidence, and images a bin."""
    bins = results.curve("reliability")
    conditions = conditions_in(bins, results.names)
    if not conditions:
        return
    figure = canvas(max(COLUMN, PAGE * len(conditions) / 3), 3.3)
    grid = figure.subplots(
        *(2, len(conditions)),
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=[2.4, 1],
    )
    for (above, below), condition in zip(grid.T, conditions, strict=True):
        chosen = where(bins, condition=condition)
        draw(above, chosen, looks).set_title(results.label_of(condition))
        draw_counts(below, chosen, looks)
    grid[0, 0].set_ylabel(f"Accuracy\n(bins of ≥ {FEWEST} images)")
    grid[1, 0].set_ylabel("Images per bin")
    legend_below(figure, grid[0], extra=replicates_entry(bins, "their mean in each bin"))
    title_above(figure, title(results, Quantity(conditions[0], CALIBRATION_TITLE)))
    yield Drawing("reliability", figure, drawn_bins(bins))


def drawn_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The means of a table of bins; those of replicates are in the table itself."""
    key = ["recipe", "method", "members", "condition"]
    return of_each_method(bins, key, mean_bins)[[*key, *DRAWN]]


def mean_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The replicates' mean in each bin: of images, and of the confidence and accuracy of full bins.

    Those that half of the replicates fill with `FEWEST` images: what fewer do is no mean. A single
    replicate is its own mean, with intervals; the mean of several has none.
    """
    full, replicates = bins["count"] >= FEWEST, each(bins)
    # Of full bins alone; the others only count images.
    known = bins.assign(**{name: bins[name].where(full) for name in ("confidence", "accuracy")})
    if not replicates:
        return known.assign(replicates=1)
    grouped = known.groupby("lower", as_index=False)
    means = grouped[["upper", "count", "confidence", "accuracy"]].mean()
    seldom = grouped["accuracy"].count()["accuracy"] < len(replicates) / 2
    means.loc[seldom, ["confidence", "accuracy"]] = math.nan
    return means.assign(replicates=len(replicates), **dict.fromkeys(ACCURACY_BAND, math.nan))


def full_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """Those of which a replicate's accuracy is drawn."""
    return bins[bins["count"] >= FEWEST]


def draw(ax: Axes, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One condition: the lines of each method; calibration would put them on the diagonal.

    Thin ones are replicates and thick ones their mean in each bin; where there is a single
    replicate, bars are intervals of each bin's accuracy.
    """
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, zorder=1, label="Perfect calibration")
    for variant, look in looks.items():
        of_variant = rows_of(bins, variant)
        if of_variant.empty:
            continue
        for one in map(full_bins, each(of_variant)):
            ax.plot(one["confidence"], one["accuracy"], **look.thin)
        mean = mean_bins(of_variant).dropna(subset="accuracy")
        ax.plot(mean["confidence"], mean["accuracy"], **look.line)
        barred = mean.dropna(subset=list(ACCURACY_BAND))
        lower, upper = (barred[column] for column in ACCURACY_BAND)
        style: Any = {"color": look.color, "linewidth": 0.7, "alpha": BAR, "label": look.unlisted}
        ax.vlines(barred["confidence"], lower, upper, **style)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03))
    return ax


def draw_counts(ax: Axes, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One condition: how many images each bin holds, on a logarithmic scale."""
    for variant, look in looks.items():
        of_variant = rows_of(bins, variant)
        if of_variant.empty:
            continue
        thick = {name: look.line[name] for name in ("color", "linestyle", "linewidth")}
        lines = [(one, look.thin) for one in each(of_variant)] + [(mean_bins(of_variant), thick)]
        for line, style in lines:
            edges = [*line["lower"], line["upper"].iloc[-1]]
            ax.stairs(line["count"].clip(lower=LEAST), edges, baseline=LEAST, **style)
    ax.axhline(FEWEST, color="0.6", linewidth=0.6, zorder=1)
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.8)
    ax.minorticks_off()
    ax.yaxis.set_major_locator(LogLocator(numticks=9))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set(xlabel="Confidence")
    return ax
