"""The votes that methods and networks give single images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.nouns import Names, Variant
from benchmarks.report.figures.drawing import (
    LETTER,
    Canvas,
    Drawing,
    claim_drawing,
    claim_numbers,
    page,
    panels,
    rows_of,
    show_image,
    title_above,
)
from benchmarks.report.figures.severity import Scale, scale_of
from benchmarks.report.number_format import three_decimals
from benchmarks.report.numbers.findings import (
    disagreement_finding,
    example_finding,
    networks_finding,
)
from benchmarks.report.read.files import Pixels
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, Look, look_of, looks
from benchmarks.schema import where
from benchmarks.vocabulary import PECULIAR, TEST_IMAGES, TYPICAL, VOTES

ARTICLE_IMAGES = {TYPICAL: "a typical 8", PECULIAR: "a peculiar 8"}
"""What the images of the article show."""

COUNT_PLOTS = "claims-count-plots"
"""The figure that claims about single images name."""

LARGEST = 55.0
"""Area in square points of the circle that stands for all votes."""

AREA = "area of circles: share of votes"

MOST_TICKS = 10
"""Of classes, on a small axis."""

TICK = "x-small"
"""The letters of so many ticks."""

IMAGES_IN_A_ROW = 6

LETTERS = 16
"""Of a title above a small image, in a line."""

BAR_WIDTH = 0.8
"""Of all that stands above a class."""


def example_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Each method's votes for one image by each group's severity.

    As Gal & Ghahramani 2016, figure 4, for a digit that is rotated.
    """
    of_all = results.curve("example_image")
    for group, conditions in results.severities.items():
        at = {conditions[0].reference: 0.0} | {one.name: one.severity for one in conditions}
        table = of_all[of_all["condition"].isin(at)]
        table = table.assign(severity=table["condition"].map(at))
        variants = [v for v in results.largest if not rows_of(table, v).empty]
        if table["severity"].nunique() < 2 or not variants:
            continue
        figure = canvas(COLUMN, 0.75 + 1.15 * len(variants))
        grid = figure.subplots(
            *(len(variants) + 1, 1),
            sharex=True,
            height_ratios=[*[1.0] * len(variants), 0.3],
        )
        for ax, variant in zip(grid, variants, strict=False):
            draw_severity(ax, results.names, rows_of(table, variant), looks[variant])
        draw_images(grid[-1], results, table, scale_of(results, group))
        grid[0].set_title(AREA, loc="right", pad=2)
        title_above(figure, example_finding(results, table))
        yield Drawing(f"{group}-votes", figure, table)


def high_disagreement_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """The images on which the methods' votes differ most, each with all votes."""
    table = results.curve("high_disagreement")
    variants = [v for v in results.largest if not rows_of(table, v).empty]
    ranks = sorted(set(table["rank"]))
    if not ranks:
        return
    rows = -(-len(ranks) // IMAGES_IN_A_ROW)
    height, turned = 0.95 + 0.17 * len(variants), turned_letters(results.names)
    total = rows * height + 0.3 + LETTER * turned
    figure = canvas(PAGE, total)
    grid = figure.subplots(
        *(2 * rows, IMAGES_IN_A_ROW),
        squeeze=False,
        height_ratios=[0.62, 0.17 * len(variants)] * rows,
    )
    for position in range(rows * IMAGES_IN_A_ROW):
        row, column = divmod(position, IMAGES_IN_A_ROW)
        image, votes = grid[2 * row, column], grid[2 * row + 1, column]
        if position >= len(ranks):
            image.remove()
            votes.remove()
            continue
        one = where(table, rank=ranks[position])
        first = one.iloc[0]
        show_image(image, results.images.get((first["condition"], int(first["index"]))))
        label = f"label {results.names.class_name(int(first['label']))}"
        condition = results.label_of(first["condition"])
        image.set_title(
            (", " if len(condition + label) <= LETTERS else ",\n").join((condition, label))
        )
        draw_votes(votes, results.names, one, {variant: looks[variant] for variant in variants})
        if column:
            votes.set_yticklabels([])
        if turned and position + IMAGES_IN_A_ROW < len(ranks):
            votes.set_xticklabels([])
    figure.supxlabel(f"Class voted for (line: the label; {AREA})", fontsize="medium")
    title_above(figure, disagreement_finding(results, table))
    yield Drawing("high-disagreement", figure, table)


def article_image_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """The article's count plots, for every network: a point a network, bars their mean."""
    numbers = where(claim_numbers(results, COUNT_PLOTS), metric=VOTES)
    # Several claims may be about the same votes.
    numbers = numbers.drop_duplicates(["condition", "case", "network"], ignore_index=True)
    numbers = numbers.astype({"case": "int64"}).assign(
        image=numbers["condition"].str.removeprefix("image ").astype("int64")
    )
    images = sorted(set(numbers["image"]))
    if not images:
        return
    ratios = [0.45, 1] * min(2, len(images))
    figure, axes = panels(
        canvas, 2 * len(images), columns=4, width=PAGE, height=2.0, width_ratios=ratios
    )
    for index, image, votes in zip(images, axes[::2], axes[1::2], strict=True):
        show_image(image, results.images.get((TEST_IMAGES, index)))
        title = [f"Image {index}", ARTICLE_IMAGES.get(index)]
        image.set_title(":\n".join(filter(None, title)))
        draw_networks(votes, results.names, where(numbers, image=index))
    title_above(figure, networks_finding(numbers))
    yield claim_drawing(COUNT_PLOTS, figure, numbers)


def count_plots(
    title: str,
    names: Names,
    pixels: Pixels,
    counts: Mapping[Variant, Sequence[int]],
    measures: Mapping[Variant, Mapping[str, float]],
) -> Figure:
    """The image, and for each method its votes by class with its scores below."""
    figure = Figure(figsize=(PAGE, 2.1), layout="constrained")
    grid = figure.subplots(1, 1 + len(counts), width_ratios=[0.8, *[1.0] * len(counts)])
    # A file may be named as it likes: no dollar sign in it begins a formula.
    show_image(grid[0], pixels).set_title(title, parse_math=False)
    look = looks(names, list(counts))
    for ax, (variant, votes) in zip(grid[1:], counts.items(), strict=True):
        draw_counts(ax, votes, look[variant])
        lines = [
            f"{score.label}: {three_decimals(measures[variant][score.name])}"
            for score in names.scores
            if score.in_figures and score.name in measures[variant]
        ]
        ax.set_xlabel("\n".join(["Class voted for", *lines]))
    grid[1].set_ylabel("Votes")
    return figure


def draw_severity(ax: Axes, names: Names, votes: pd.DataFrame, look: Look) -> Axes:
    """One method: at each severity a circle for each class it votes for."""
    cast = votes[votes["vote_share"] > 0]
    ax.scatter(
        cast["severity"],
        cast["class"],
        s=LARGEST * cast["vote_share"],
        color=look.color,
        linewidth=0,
    )
    ax.set_title(look.label, loc="left", pad=2)
    ax.set(ylim=class_limits(names), ylabel="Class voted for")
    ax.set_yticks(*class_ticks(names), fontsize=TICK)
    ax.tick_params(labelbottom=False)
    return ax


def class_limits(names: Names) -> tuple[float, float]:
    """The ends of an axis of classes."""
    return -0.8, len(names.task.classes) - 0.2


def class_ticks(names: Names) -> tuple[list[int], list[str]]:
    """The classes, or some of many, and what they are called."""
    classes = len(names.task.classes)
    step = -(-classes // MOST_TICKS)
    shown = list(range(0, classes, step))
    return shown, [names.class_name(c) for c in shown]


def turned_letters(names: Names) -> int:
    """Of the longest class name, which is written upright where it has more than two; else 0."""
    longest = max(map(len, names.task.classes), default=0)
    return longest if longest > 2 else 0


def draw_images(ax: Axes, results: Results, votes: pd.DataFrame, scale: Scale) -> Axes:
    """The axis below: the image at each severity."""
    severities = sorted(set(votes["severity"]))
    step = min(b - a for a, b in pairwise(severities))
    for condition, severity, index in (
        votes[["condition", "severity", "index"]].drop_duplicates().itertuples(index=False)
    ):
        pixels = results.images.get((condition, int(index)))
        if pixels is not None:
            bounds = (severity - 0.46 * step, 0, 0.92 * step, 1)
            place = ax.inset_axes(bounds, transform=ax.transData)
            show_image(place, pixels).spines[:].set_visible(False)
    ax.set(xlim=(severities[0] - step / 2, severities[-1] + step / 2), ylim=(0, 1), yticks=[])
    ax.set_xticks(scale.ticks)
    ax.set_xlabel(scale.label)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def draw_votes(ax: Axes, names: Names, votes: pd.DataFrame, looks: Mapping[Variant, Look]) -> Axes:
    """One image: a line a method, on it a circle for each class it votes for."""
    for y, (variant, look) in enumerate(looks.items()):
        cast = rows_of(votes, variant)
        cast = cast[cast["vote_share"] > 0]
        ax.scatter(
            cast["class"],
            [y] * len(cast),
            s=LARGEST * cast["vote_share"],
            color=look.color,
            linewidth=0,
            zorder=2,
        )
    ax.axvline(votes["label"].iloc[0], color="0.6", linewidth=0.8, zorder=1)
    ax.set(xlim=class_limits(names), ylim=(len(looks) - 0.4, -0.6))
    rotation = 90 if turned_letters(names) else 0
    ax.set_xticks(*class_ticks(names), rotation=rotation, fontsize=TICK)
    ax.set_yticks(range(len(looks)), [look.label for look in looks.values()])
    return ax


def draw_networks(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """Votes for each class: points for the networks in their order, and a bar for their mean."""
    networks = numbers["network"].nunique()
    classes = numbers["case"].astype(int)
    offset = (numbers["network"] + 0.5) / networks - 0.5
    color = look_of(names, str(numbers["method"].iloc[0])).color
    passes = round(numbers.groupby("network")["value"].sum().max())
    means = numbers["value"].groupby(classes).mean()
    ax.bar(means.index, means, width=BAR_WIDTH, color="0.85", linewidth=0)
    ax.scatter(classes + BAR_WIDTH * offset, numbers["value"], s=2.5, color=color, linewidth=0)
    ax.set(xlabel="Class voted for", ylim=(0, 1.03 * passes))
    ax.set_xticks(
        range(len(names.task.classes)),
        names.task.classes,
        rotation=90 if turned_letters(names) else 0,
    )
    ax.set_title(f"Votes of {passes} passes\n({networks} networks; bars: mean)")
    ax.grid(visible=False, axis="x")
    return ax


def draw_counts(ax: Axes, votes: Sequence[int], look: Look) -> Axes:
    """A bar a class, with its number of votes above it."""
    bars = ax.bar(range(len(votes)), votes, color=look.color, linewidth=0)
    ax.bar_label(bars, [str(count or "") for count in votes], fontsize="x-small", padding=1)
    ax.set(xticks=range(len(votes)), ylim=(0, 1.12 * sum(votes)), title=look.label)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.grid(visible=False, axis="x")
    return ax
