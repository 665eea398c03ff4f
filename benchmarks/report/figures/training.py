"""Loss, accuracy, precision and recall of the networks by epoch of training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.nouns import RecipeRecord, Variant
from benchmarks.report.editorial import TRAINING_MEASURES
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    title_above,
)
from benchmarks.report.results import Results
from benchmarks.report.style import BAND, PAGE, Look
from benchmarks.schema import where

SPLITS = {"training": ("0.15", "o", "-"), "validation": ("0.55", "s", (0.0, (4.0, 1.5)))}
"""Colour, marker and dash: greys, since colours are the methods'."""

PRINTED = {"training": "training", "validation": "test"}
"""Images of each split: as in the article, networks are validated on the test images."""

DROPOUT_ON = "accuracy_dropout_on"


def training_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """The article's plots, a panel a measure: the mean over the networks, and their range."""
    if results.training.empty:
        return
    numbers = over_networks(results.training)
    networks = results.training["network"].nunique()
    figure, axes = panels(
        canvas, len(TRAINING_MEASURES), columns=4, width=PAGE, height=2.0, sharex=True
    )
    for ax, measure in zip(axes, TRAINING_MEASURES, strict=True):
        draw(ax, numbers, measure)
    for recipe in results.names.recipes:
        if results.recipes == (recipe.name,) and not math.isnan(recipe.reported_training):
            draw_reported(axes[0], recipe)
    axes[0].set_ylabel(f"Mean of {networks} networks\n(band: their range)")
    legend_below(figure, axes)
    title_above(figure, finding(numbers))
    yield Drawing("training", figure, numbers)


def finding(numbers: pd.DataFrame) -> str:
    """The accuracy after the last epoch of each split."""
    last = where(numbers, measure="accuracy", epoch=numbers["epoch"].max())
    reached = [
        f"{100 * row['mean']:.1f} % on {PRINTED[row['split']]} images"
        for row in last.to_dict("records")
    ]
    return f"After {numbers['epoch'].max()} epochs, accuracy is {' and '.join(reached)}"


def over_networks(log: pd.DataFrame) -> pd.DataFrame:
    """Of each measure, split and epoch the mean, the least and the most of the networks.

    Other splits than `SPLITS` are left out: their images are not those of the curves. So is
    accuracy with dropout on where it is the same: those networks have no dropout.
    """
    log = log[log["split"].isin(SPLITS)]
    measured = log[log[DROPOUT_ON].notna()]
    differs = not measured[DROPOUT_ON].equals(measured["accuracy"])
    measures = [*TRAINING_MEASURES, DROPOUT_ON] if differs else [*TRAINING_MEASURES]
    same = ["split", "images", "epoch"]
    tidy = log.melt(id_vars=same, value_vars=measures, var_name="measure").dropna(subset="value")
    grouped = tidy.groupby(["measure", *same], sort=True)["value"]
    return grouped.agg(mean="mean", least="min", most="max").reset_index()


def draw(ax: Axes, numbers: pd.DataFrame, measure: str) -> Axes:
    """One measure, on training and on test images; accuracy with dropout on as well."""
    drawn = [(measure, True)] + ([(DROPOUT_ON, False)] if measure == "accuracy" else [])
    for name, filled in drawn:
        for split, (color, marker, linestyle) in SPLITS.items():
            line = where(numbers, measure=name, split=split)
            if line.empty:
                continue
            ax.fill_between(
                line["epoch"], line["least"], line["most"], color=color, alpha=BAND, linewidth=0
            )
            ax.plot(
                line["epoch"],
                line["mean"],
                color=color,
                marker=marker,
                linestyle=linestyle,
                linewidth=1.2 if filled else 0.8,
                markerfacecolor=color if filled else "white",
                label=label(split, line["images"].iloc[0], filled),
            )
    ax.set(title=TRAINING_MEASURES[measure], xlabel="Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return ax


def label(split: str, images: int, dropout_off: bool) -> str:
    """What the legend calls a curve."""
    name = f"{PRINTED[split].capitalize()} ({images:,} images)"
    return name if dropout_off else f"{name}, dropout on"


def draw_reported(ax: Axes, recipe: RecipeRecord) -> Axes:
    """The accuracies that the recipe's source reports, as crosses at the last epoch."""
    reported = {"training": recipe.reported_training, "validation": recipe.reported_validation}
    colors = [SPLITS[split][0] for split in reported]
    epochs = [recipe.epochs] * len(reported)
    ax.scatter(epochs, list(reported.values()), marker="x", s=18, color=colors, zorder=3)
    ax.scatter([], [], marker="x", s=18, color="0.15", label="As the article reports")
    return ax
