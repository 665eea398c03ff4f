"""MC-dropout without sampling beside its samples: how much of a count plot is noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.report.figures.drawing import Drawing, legend_below, panels
from benchmarks.report.names import Variant
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look, look_of

KINDS = {
    "article-images": "Images 61 and 591",
    "high-disagreement": "Images of the highest disagreement",
}

VOTES = "votes"
"""The root mean square error over the ten classes' shares of votes."""

MEASURES = {
    VOTES: "Share of votes for a class",
    "pairwise_disagreement": "Disagreement",
    "predictive_entropy": "Predictive entropy (nats)",
    "mutual_information": "Mutual information (nats)",
}
LINES = {
    VOTES: ("#0072B2", "o"),
    "pairwise_disagreement": ("#009E73", "v"),
    "predictive_entropy": ("#E69F00", "X"),
    "mutual_information": ("#CC79A7", "P"),
}

NETWORK, PASSES = "the draw of the network", "the draw of 100 passes"


def monte_carlo_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """The error of a sample against its number of passes, by every measure."""
    errors = results.curve("claims-monte_carlo_error")
    if errors.empty:
        return
    numbers = errors_shown(errors)
    kinds = [kind for kind in KINDS if kind in set(numbers["images"])]
    figure, axes = panels(len(kinds), columns=2, width=PAGE, height=2.3, sharey=True)
    for ax, kind in zip(axes, kinds, strict=True):
        draw_errors(ax, numbers[numbers["images"] == kind])
        ax.set_title(KINDS[kind])
    axes[0].set_ylabel("Error of a sample\n(root mean square)")
    legend_below(figure, axes)
    yield Drawing("claims-monte-carlo-error", figure, numbers)


def spread_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """How far a class's votes scatter by the draw of the network, and by that of the passes."""
    spread = results.curve("claims-spread")
    if spread.empty:
        return
    images = sorted(set(spread["image"]))
    figure, axes = panels(len(images), columns=2, width=PAGE, height=1.9, sharey=True)
    for ax, image in zip(axes, images, strict=True):
        draw_spread(ax, spread[spread["image"] == image])
        ax.set_title(f"Image {image}")
    axes[0].set_ylabel("Deviation of votes of 100")
    legend_below(figure, axes)
    yield Drawing("claims-spread", figure, spread)


def errors_shown(errors: pd.DataFrame) -> pd.DataFrame:
    """The measures that are drawn; the classes' votes as one."""
    is_vote = errors["measure"].str.startswith("votes for ")
    squares = errors.assign(
        square=errors["rms_error"] ** 2, measure=errors["measure"].mask(is_vote, VOTES)
    )
    of_each = squares.groupby(["images", "measure", "passes"], as_index=False)
    shown = of_each.agg(square=("square", "mean"), samples=("samples", "first"))
    shown = shown[shown["measure"].isin(MEASURES)]
    return shown.assign(rms_error=np.sqrt(shown["square"])).drop(columns="square")


def draw_errors(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """A line a measure; all fall with the square root of T."""
    for measure, label in MEASURES.items():
        line = numbers[numbers["measure"] == measure]
        color, marker = LINES[measure]
        ax.plot(line["passes"], line["rms_error"], color=color, marker=marker, label=label)
    ax.axvline(100, color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set(xscale="log", yscale="log", xlabel="Passes T")
    ax.grid(visible=True, which="minor", axis="y", linewidth=0.3)
    return ax


def draw_spread(ax: Axes, spread: pd.DataFrame) -> Axes:
    """Two bars a class: the deviation between networks, and that of a network's samples."""
    for offset, column, label, color in (
        (-0.2, "std_by_network", NETWORK, look_of("deep_ensemble").color),
        (0.2, "std_by_passes", PASSES, look_of("mc_dropout").color),
    ):
        ax.bar(
            spread["class"] + offset,
            100 * spread[column],
            width=0.38,
            color=color,
            linewidth=0,
            label=f"by {label}",
        )
    ax.set(xticks=range(10), xlabel="Class voted for")
    ax.grid(visible=False, axis="x")
    return ax
