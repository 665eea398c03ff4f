"""Single images and the votes that each method casts on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.figures.drawing import Drawing, rows_of, show_picture
from benchmarks.report.names import Variant, angle_of, condition_label
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look

LARGEST = 55.0
"""Area in square points of the circle that stands for all votes."""

CLASSES = (1, 3, 5, 7, 9)
"""Those that have a tick."""

AREA = "area of circles: share of votes"

IN_A_ROW = 6
"""Disputed images."""


def rotated_digit_figures(results: Results, looks: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """One digit as it turns, and each method's votes (after Gal & Ghahramani 2016, figure 4)."""
    table = results.curve("rotated_digit")
    table = table.assign(angle=table["condition"].map(angle_of))
    angles = sorted(set(table["angle"]))
    variants = [v for v in results.largest if not rows_of(table, v).empty]
    if len(angles) < 2 or not variants:
        return
    figure = Figure(figsize=(COLUMN, 0.75 + 1.15 * len(variants)), layout="constrained")
    grid = figure.subplots(
        *(len(variants) + 1, 1),
        sharex=True,
        height_ratios=[*[1.0] * len(variants), 0.3],
    )
    for ax, variant in zip(grid, variants, strict=False):
        draw_turning(ax, rows_of(table, variant), looks[variant])
    draw_pictures(grid[-1], results, table)
    grid[0].set_title(AREA, loc="right", pad=2)
    yield Drawing("rotated-digit", figure, table)


def disputed_figures(results: Results, looks: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """The images on which the methods' votes differ most, each with all votes."""
    table = results.curve("high_disagreement")
    variants = [v for v in results.largest if not rows_of(table, v).empty]
    ranks = sorted(set(table["rank"]))
    if not ranks:
        return
    rows = -(-len(ranks) // IN_A_ROW)
    height = 0.95 + 0.17 * len(variants)
    figure = Figure(figsize=(PAGE, rows * height + 0.3), layout="constrained")
    grid = figure.subplots(
        *(2 * rows, IN_A_ROW),
        squeeze=False,
        height_ratios=[0.62, 0.17 * len(variants)] * rows,
    )
    for place in range(rows * IN_A_ROW):
        row, column = divmod(place, IN_A_ROW)
        picture, votes = grid[2 * row, column], grid[2 * row + 1, column]
        if place >= len(ranks):
            picture.remove()
            votes.remove()
            continue
        one = table[table["rank"] == ranks[place]]
        first = one.iloc[0]
        show_picture(picture, results.images.get((first["condition"], int(first["index"]))))
        picture.set_title(f"{condition_label(first['condition'])}, label {first['label']:.0f}")
        draw_votes(votes, one, {variant: looks[variant] for variant in variants})
        if column:
            votes.set_yticklabels([])
    figure.supxlabel(f"Class voted for (line: the label; {AREA})", fontsize="medium")
    yield Drawing("high-disagreement", figure, table)


def draw_turning(ax: Axes, votes: pd.DataFrame, look: Look) -> Axes:
    """One method: at each angle a circle for each class it votes for."""
    cast = votes[votes["vote_share"] > 0]
    ax.scatter(
        cast["angle"],
        cast["class"],
        s=LARGEST * cast["vote_share"],
        color=look.color,
        linewidth=0,
    )
    ax.set_title(look.label, loc="left", pad=2)
    ax.set(ylim=(-0.8, 9.8), yticks=CLASSES, ylabel="Class voted for")
    ax.tick_params(labelbottom=False)
    return ax


def draw_pictures(ax: Axes, results: Results, votes: pd.DataFrame) -> Axes:
    """The axis below: the picture at each angle."""
    angles = sorted(set(votes["angle"]))
    step = min(b - a for a, b in pairwise(angles))
    for condition, angle, index in (
        votes[["condition", "angle", "index"]].drop_duplicates().itertuples(index=False)
    ):
        pixels = results.images.get((condition, int(index)))
        if pixels is not None:
            left, right = angle - 0.46 * step, angle + 0.46 * step
            ax.imshow(
                pixels,
                cmap="gray_r",
                vmin=0,
                vmax=255,
                extent=(left, right, 0, 1),
                aspect="auto",
                interpolation="nearest",
            )
    ax.set(xlim=(angles[0] - step / 2, angles[-1] + step / 2), ylim=(0, 1), yticks=[])
    ax.set_xticks([angle for angle in angles if angle % 30 == 0] or angles)
    ax.set_xlabel("Rotation (degrees)")
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def draw_votes(ax: Axes, votes: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One image: a line a method, on it a circle for each class it votes for."""
    for place, (variant, look) in enumerate(looks.items()):
        cast = rows_of(votes, variant)
        cast = cast[cast["vote_share"] > 0]
        ax.scatter(
            cast["class"],
            [place] * len(cast),
            s=LARGEST * cast["vote_share"],
            color=look.color,
            linewidth=0,
            zorder=2,
        )
    ax.axvline(votes["label"].iloc[0], color="0.6", linewidth=0.8, zorder=1)
    ax.set(xlim=(-0.8, 9.8), ylim=(len(looks) - 0.4, -0.6), xticks=CLASSES)
    ax.set_yticks(range(len(looks)), [look.label for look in looks.values()])
    return ax
