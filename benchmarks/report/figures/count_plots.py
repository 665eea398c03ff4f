"""One image and the votes of several methods for it, side by side: the article's count plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.figures.drawing import show_picture
from benchmarks.report.names import METRICS, Variant
from benchmarks.report.results import Pixels
from benchmarks.report.style import PAGE, Look, looks

TOLD = ("predictive_entropy", "mutual_information", "pairwise_disagreement")
"""The measures that stand below each plot."""


def count_plots(
    title: str,
    pixels: Pixels,
    counts: Mapping[Variant, Sequence[int]],
    measures: Mapping[Variant, Mapping[str, float]],
) -> Figure:
    """The picture, and for each method its votes by class with its measures below."""
    figure = Figure(figsize=(PAGE, 2.1), layout="constrained")
    grid = figure.subplots(1, 1 + len(counts), width_ratios=[0.8, *[1.0] * len(counts)])
    # A file may be named as it likes: no dollar sign in it begins a formula.
    show_picture(grid[0], pixels).set_title(title, parse_math=False)
    found = looks(list(counts))
    for ax, (variant, votes) in zip(grid[1:], counts.items(), strict=True):
        draw_counts(ax, votes, found[variant])
        told = [f"{METRICS[name].name}: {_text(measures[variant][name])}" for name in TOLD]
        ax.set_xlabel("\n".join(["Class voted for", *told]))
    grid[1].set_ylabel("Votes")
    return figure


def draw_counts(ax: Axes, votes: Sequence[int], look: Look) -> Axes:
    """A bar a class, with its number of votes above it."""
    bars = ax.bar(range(len(votes)), votes, color=look.color, linewidth=0)
    ax.bar_label(bars, [str(count or "") for count in votes], fontsize="x-small", padding=1)
    ax.set(xticks=range(len(votes)), ylim=(0, 1.12 * sum(votes)), title=look.label)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.grid(visible=False, axis="x")
    return ax


def _text(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:.3f}"
