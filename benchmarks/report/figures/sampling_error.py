"""The error of sampling a single image's measures, against the number of members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import Names, Variant
from benchmarks.report.editorial import SAMPLED_MEASURES
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    title_above,
)
from benchmarks.report.results import Results
from benchmarks.report.style import DASHES, PAGE, Look
from benchmarks.schema import where
from benchmarks.vocabulary import VOTES

SAMPLING_ERROR = "sampling-error"


def sampling_error_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """By condition, the error of each measure against the number of members."""
    errors = results.curve("sampling_error")
    if errors.empty:
        return
    shown = errors[errors["measure"].isin(SAMPLED_MEASURES) & errors["rms_error"].notna()]
    conditions = list(dict.fromkeys(shown["condition"]))
    figure, axes = panels(canvas, len(conditions), columns=2, width=PAGE, height=2.3, sharey=True)
    for ax, condition in zip(axes, conditions, strict=True):
        draw_errors(ax, results.names, where(shown, condition=condition))
        ax.set_title(results.label_of(condition))
    axes[0].set_ylabel("Error of an image's value\n(root mean square)")
    legend_below(figure, axes)
    title_above(figure, finding(results, shown))
    yield Drawing(SAMPLING_ERROR, figure, shown)


def finding(results: Results, errors: pd.DataFrame) -> str:
    """The error of a share of votes by the most passes, under the first condition."""
    votes = where(errors, measure=VOTES)
    if votes.empty:
        return ""
    last = votes[votes["condition"] == votes["condition"].iloc[0]]
    row = last.loc[last["members"].astype(int).idxmax()]
    images = results.label_of(row["condition"])
    off = f"{row['rms_error']:.3f} ({images})"
    return f"With {row['members']} passes, a share of votes is off by {off}"


def draw_errors(ax: Axes, names: Names, errors: pd.DataFrame) -> Axes:
    """A line a measure, and dashed the line of slope 1/√T through its last point."""
    for measure, (color, marker) in SAMPLED_MEASURES.items():
        line = where(errors, measure=measure)
        line = line.assign(size=line["members"].astype(int)).sort_values("size")
        if line.empty:
            continue
        label = "Share of votes for a class" if measure == VOTES else names.printed(measure).name
        sizes, rms = line["size"].to_numpy(), line["rms_error"].to_numpy()
        ax.plot(sizes, rms, color=color, marker=marker, label=label)
        ideal = rms[-1] * np.sqrt(sizes[-1] / sizes)
        ax.plot(sizes, ideal, color=color, linewidth=0.7, linestyle=DASHES)
    ax.plot([], [], color="0.4", linewidth=0.7, linestyle=DASHES, label="Slope of 1/√T")
    ax.set(xscale="log", yscale="log", xlabel="Passes T")
    ax.grid(visible=True, which="minor", axis="y", linewidth=0.3)
    return ax
