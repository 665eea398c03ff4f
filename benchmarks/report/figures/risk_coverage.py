"""Risk against coverage: the error rate of the images that a method is most certain of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import Variant
from benchmarks.report.answer.findings import title
from benchmarks.report.editorial import SELECTION
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    conditions_in,
    draw_curve,
    drawn_curves,
    legend_below,
    page,
    panels,
    replicates_entry,
    rows_of,
    title_above,
)
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look

LEAST_COVERAGE = 0.02
"""Where curves begin: the error rate of fewer images is chance."""


def risk_coverage_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A panel a condition, whose images are ranked by methods' primary scores."""
    numbers = results.curve("risk_coverage")
    conditions = conditions_in(numbers, results.names)
    if not conditions:
        return
    figure, axes = panels(
        canvas,
        len(conditions),
        columns=3,
        width=max(COLUMN, PAGE * len(conditions) / 3),
        height=2.3,
        sharex=True,
    )
    for ax, condition in zip(axes, conditions, strict=True):
        draw(ax, numbers[numbers["condition"] == condition], looks)
        ax.set_title(results.label_of(condition))
        ax.set_xlabel(f"Coverage\n(by {results.primary_score_label(looks)})")
    axes[0].set_ylabel("Error rate")
    legend_below(figure, axes, extra=replicates_entry(numbers, "their mean at each coverage"))
    title_above(figure, title(results, Quantity(conditions[0], SELECTION)))
    yield Drawing("risk-coverage", figure, drawn_curves(numbers, "coverage", "risk"))


def draw(ax: Axes, numbers: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One condition: the curves of each method, from its most certain images to all.

    Of several replicates thin ones, and their mean: of the error rates at each coverage.
    """
    for variant, look in looks.items():
        curve = rows_of(numbers, variant)
        curve = curve[curve["coverage"] >= LEAST_COVERAGE]
        if not curve.empty:
            draw_curve(ax, curve, "coverage", "risk", look)
    ax.set_xlim(0, 1)
    ax.set_ylim(bottom=0)
    return ax
