"""Detection of out-of-distribution images: distributions of a score, and its ROC curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmarks.nouns import ConditionRecord, Variant
from benchmarks.report.answer.findings import title
from benchmarks.report.editorial import DETECTION
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
from benchmarks.report.style import COLUMN, DASHES, PAGE, Look

IN_A_ROW = 3
"""Panels of ROC curves, at most."""

MOST_LABELLED = 4
"""Histograms in a row that each have an axis label; more are too narrow and share one."""

LEAST_SHARE = 0.0005
"""Of images, where the axis begins."""

LEAST_FLAGGED = 0.001
"""The share of clean images where the logarithmic axis of ROC curves begins."""

FEW = 4
"""So many lines have each their AUROC in the panel; of more there is the range."""


def roc_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A panel a set of out-of-distribution images, ranked by methods' primary scores."""
    numbers = results.curve("roc")
    conditions = [c for c in conditions_in(numbers, results.names) if c in results.ood]
    if not conditions:
        return
    columns = math.ceil(len(conditions) / math.ceil(len(conditions) / IN_A_ROW))  # rows alike
    figure, axes = panels(
        canvas,
        len(conditions),
        columns=columns,
        width=max(COLUMN, PAGE * columns / IN_A_ROW),
        height=2.2,
        sharex=True,
        sharey=True,
    )
    for ax, condition in zip(axes, conditions, strict=True):
        draw_roc(ax, numbers[numbers["condition"] == condition], looks)
        ax.set_title(results.label_of(condition))
        write_auroc(ax, results, Quantity(condition, DETECTION), looks)
        reference = results.label_of(results.names.condition(condition).reference)
        ax.set_xlabel(f"{reference} images flagged\n(by {results.primary_score_label(looks)})")
    for ax in axes[::columns]:
        ax.set_ylabel("OOD images flagged")
    for ax in axes:  # all alike, so that the rows of panels are as well
        ax.tick_params(labelbottom=True)
    mean = "their mean at each share of clean images"
    legend_below(figure, axes, extra=replicates_entry(numbers, mean))
    title_above(figure, title(results, Quantity(conditions[0], DETECTION)))
    yield Drawing("roc", figure, drawn_curves(numbers, "flagged_clean", "flagged"))


def histogram_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A row a method, a column a set of out-of-distribution images; of primary scores."""
    numbers = results.curve("histograms")
    conditions = [c for c in conditions_in(numbers, results.names) if c in results.ood]
    if not conditions:
        return
    variants = [v for v in results.largest if not rows_of(numbers, v).empty]
    scores = set(numbers["score"])
    figure = canvas(max(COLUMN, PAGE * min(1, len(conditions) / 3)), 0.5 + 1.15 * len(variants))
    grid = figure.subplots(
        *(len(variants), len(conditions)),
        squeeze=False,
        sharex=True if len(scores) == 1 else "row",
        sharey=True,
    )
    for variant, row in zip(variants, grid, strict=True):
        row[0].set_ylabel(looks[variant].label.replace(", ", ",\n"))
        of_variant = rows_of(numbers, variant)
        for condition, ax in zip(conditions, row, strict=True):
            draw_histogram(ax, of_variant, results.names.condition(condition), looks[variant])
        filled = (numbers if len(scores) == 1 else of_variant).query("count > 0")
        row[0].set_xlim(filled["lower"].min(), filled["upper"].max())
    for condition, ax in zip(conditions, grid[0], strict=True):
        ax.set_title(results.label_of(condition))
    shares_label = len(conditions) > MOST_LABELLED
    labelled = grid[-1, len(conditions) // 2 :][:1] if shares_label else grid[-1]
    for ax in labelled:
        by = results.primary_score_label(looks)
        ax.set_xlabel(f"{by[:1].upper()}{by[1:]}")
    figure.supylabel("Share of images", fontsize="medium")
    legend_below(figure, [], extra=_histogram_legend(results, conditions))
    title_above(figure, title(results, Quantity(conditions[0], DETECTION)))
    yield Drawing("histograms", figure, numbers)


def draw_roc(ax: Axes, numbers: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One out-of-distribution set: the curves of each method and their mean; chance: diagonal.

    The mean is vertical: of the shares flagged, at each share of clean images.
    """
    chance = np.geomspace(LEAST_FLAGGED, 1)
    ax.plot(chance, chance, color="0.6", linewidth=0.8, linestyle=DASHES, zorder=1, label="Chance")
    numbers = from_least(numbers)
    for variant, look in looks.items():
        curve = rows_of(numbers, variant)
        if not curve.empty:
            draw_curve(ax, curve, "flagged_clean", "flagged", look)
    ax.set_xscale("log")
    ax.set(xlim=(LEAST_FLAGGED, 1), ylim=(0, 1.02))
    return ax


def from_least(numbers: pd.DataFrame) -> pd.DataFrame:
    """The points with those left of the axis at its beginning."""
    return numbers.assign(flagged_clean=numbers["flagged_clean"].clip(lower=LEAST_FLAGGED))


def write_auroc(
    ax: Axes, results: Results, quantity: Quantity, looks: Mapping[Variant, Look]
) -> Axes:
    """The area under each curve, in its colour; of many the least and the most."""
    found = {
        variant: row["value"]
        for variant in looks
        if (row := results.find(variant, quantity)) and row["value"] == row["value"]
    }
    if not found:
        return ax
    ends = dict.fromkeys(f"{end:.3f}" for end in (min(found.values()), max(found.values())))
    lines = [(f"AUROC {'–'.join(ends)}", "0", "")]
    if len(found) <= FEW:
        lines = [("AUROC", "0", "")]
        # The size alone, where there is one: whole names would reach into the curves.
        lines += [
            (f"{looks[v].label.split(', ')[-1]}: {value:.3f}", looks[v].color, looks[v].unlisted)
            for v, value in found.items()
        ]
    for position, (text, color, label) in enumerate(lines):
        ax.annotate(
            *(text, (0, 1), (4, -2 - 8 * position)),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize="x-small",
            color=color,
            label=label,
        )
    return ax


def draw_histogram(ax: Axes, numbers: pd.DataFrame, condition: ConditionRecord, look: Look) -> Axes:
    """One method: the reference's scores in grey, those of out-of-distribution images as a line."""
    reference, ood = (
        numbers[numbers["condition"] == name] for name in (condition.reference, condition.name)
    )
    if not reference.empty:
        ax.stairs(*_shares(reference), color="0.75", fill=True)
    if not ood.empty:
        ax.stairs(*_shares(ood), color=look.color, linewidth=1.2)
    ax.set_yscale("log")
    ax.minorticks_off()
    ax.set_ylim(LEAST_SHARE, 1)
    return ax


def _shares(bins: pd.DataFrame) -> tuple[pd.Series[float], list[float]]:
    """The heights of the steps, which a logarithmic scale wants above 0, and their edges."""
    shares = bins["count"] / bins["count"].sum()
    return shares.clip(lower=LEAST_SHARE / 10), [*bins["lower"], bins["upper"].iloc[-1]]


def _histogram_legend(results: Results, conditions: list[str]) -> list[Patch]:
    references = (results.names.condition(name).reference for name in conditions)
    labels = dict.fromkeys(map(results.label_of, references))
    return [
        Patch(color="0.75", label=f"{', '.join(labels)} images"),
        Patch(
            facecolor="white", edgecolor="0.2", linewidth=1.2, label="Out-of-distribution images"
        ),
    ]
