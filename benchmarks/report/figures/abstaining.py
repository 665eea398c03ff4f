"""Selective prediction: the error of what is left against the images that methods abstain on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import Variant
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    draw_band,
    legend_below,
    page,
    panels,
    replicates_entry,
    rows_of,
    title_above,
)
from benchmarks.report.numbers.abstaining import errors, finding, replicate_errors
from benchmarks.report.numbers.replicates import each
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look
from benchmarks.schema import where

IN_A_ROW = 4

X_LABEL, Y_LABEL = "Images abstained on (%)", "Error of the rest (%)"


def abstaining_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A panel a condition."""
    numbers = errors(results)
    if numbers["abstained"].nunique() < 2:
        return
    thin = replicate_errors(results, numbers)
    shown = list(dict.fromkeys(numbers["condition"]))
    width = PAGE if len(shown) > IN_A_ROW / 2 else COLUMN
    figure, axes = panels(canvas, len(shown), columns=IN_A_ROW, width=width, height=2.1)
    for ax, condition in zip(axes, shown, strict=True):
        means, replicates = (where(table, condition=condition) for table in (numbers, thin))
        draw(ax, means, replicates, looks).set_title(results.label_of(condition))
    for ax in axes[::IN_A_ROW]:
        ax.set_ylabel(Y_LABEL)
    legend_below(figure, axes, extra=replicates_entry(thin, "their mean"))
    title_above(figure, finding(results, numbers))
    yield Drawing("abstaining", figure, numbers)


def draw(
    ax: Axes, numbers: pd.DataFrame, thin: pd.DataFrame, looks: Mapping[Variant, Look]
) -> Axes:
    """One condition: a line a method, which begins at the left edge with the error of all images.

    The first percents are drawn wider, by the square root, since they matter most.

    Args:
        thin: the errors of each replicate.
    """
    for variant, look in looks.items():
        line = rows_of(numbers, variant)
        if line.empty:
            continue
        for one in each(rows_of(thin, variant)):
            ax.plot(one["abstained"], one["error"], **look.thin)
        ax.plot(line["abstained"], line["error"], **look.line, clip_on=False)
        draw_band(ax, line, "abstained", look)
    shares = sorted(set(numbers["abstained"]))
    # Of the left edge a layout may see less than zero, by rounding.
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set_xlim(0, shares[-1])
    ax.set_xticks(shares, [f"{share:g}" for share in shares])
    ax.set_ylim(bottom=0)
    ax.set_xlabel(X_LABEL)
    return ax
