"""What more passes or members give: quality against latency, and the error of sampling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.nouns import Names, Variant
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    title_above,
)
from benchmarks.report.numbers.cost import apart, front_finding, main_setup, points
from benchmarks.report.numbers.replicates import of_replicates
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look, look_in
from benchmarks.schema import where

FRONT = "Pareto front: no other point is both faster and better"

NOTE = 0.1, 0.09
"""Width and height of a number of members, as shares of a panel."""

REPLICATES = "Small: replicates (triangles: beyond the axis)"


def cost_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A column a measure; a row for single images, and one for the largest batch."""
    numbers = points(results)
    setup = main_setup(results.latency)
    if numbers.empty or setup is None:
        return
    thin = of_replicates(results, numbers, "batch_size", "p50_ms")
    shown = list(numbers[["metric", "condition"]].drop_duplicates().itertuples(index=False))
    sizes = sorted(set(numbers["batch_size"]))
    figure, axes = panels(
        canvas, len(shown) * len(sizes), columns=len(shown), width=PAGE, height=2.1
    )
    for position, ax in enumerate(axes):
        row, column = divmod(position, len(shown))
        metric, condition = shown[column]
        shown_here = {"metric": metric, "condition": condition, "batch_size": sizes[row]}
        here, replicates = (where(table, **shown_here) for table in (numbers, thin))
        draw(ax, results.names, here, replicates, looks)
        ax.set_ylabel(f"{results.names.printed(metric).axis_title}\n{results.label_of(condition)}")
        ax.set_xlabel(f"Milliseconds, {_images(sizes[row])}")
    small = Line2D([], [], color="0.4", marker=".", linestyle="none", label=REPLICATES)
    legend_below(figure, axes, extra=[] if thin.empty else [small])
    first = where(numbers, batch_size=sizes[0])
    title_above(figure, f"{front_finding(first, results.names)}. Median latency on {setup.label}")
    yield Drawing("cost", figure, numbers)


def draw(
    ax: Axes,
    names: Names,
    numbers: pd.DataFrame,
    thin: pd.DataFrame,
    looks: Mapping[Variant, Look],
) -> Axes:
    """One measure: a line a method over its sizes, each with its number of members beside it.

    Around each value are its replicates, or its interval where they are not known.

    Args:
        thin: the values of each replicate, drawn as small points, at the edge as triangles.
    """
    notes: list[tuple[Look, str, float, float]] = []
    front = numbers[numbers["pareto"]].sort_values("p50_ms")
    ax.plot(
        *(front["p50_ms"], front["value"]),
        color="0.8",
        linewidth=5,
        marker="o",
        markersize=9,
        zorder=1,
        label=FRONT,
    )
    for method, line in numbers.groupby("method", sort=False):
        look = look_in(looks, Variant(str(method), ""))
        line = by_size(line)
        ax.plot(
            line["p50_ms"], line["value"], **look.line | {"label": label(names, str(method), line)}
        )
        alone = line[~line["members"].isin(where(thin, method=str(method))["members"])]
        ax.vlines(
            *(alone["p50_ms"], alone["lower"], alone["upper"]),
            color=look.color,
            linewidth=0.6,
            alpha=0.6,
            label=look.unlisted,
        )
        if len(line) > 1:
            shown = line[np.isfinite(line["value"])]
            notes += [(look, *one) for one in shown[["members", "p50_ms", "value"]].to_numpy()]
    ax.set_xscale("log")
    decades = math.log10(numbers["p50_ms"].max() / numbers["p50_ms"].min())
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 1.7 else (1,), numticks=6))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(x=0.1)
    ends = limits(numbers["value"])
    for method, replicates in thin.groupby("method", sort=False):
        style = look_in(looks, Variant(str(method), "")).point
        of_each = replicates["value"]
        beyond = {"v": of_each < ends[0], "^": of_each > ends[1]}
        for marker, chosen in {**beyond, ".": of_each.between(*ends)}.items():
            shown = replicates[chosen]
            values = shown["value"].clip(*ends)
            if not shown.empty:
                ax.plot(shown["p50_ms"], values, **style, marker=marker, clip_on=False)
    ax.set_ylim(*ends)
    write_sizes(ax, notes)
    return ax


def limits(values: pd.Series) -> tuple[float, float]:
    """The ends of the axis of values, from those that are finite.

    Not from intervals: small sizes scatter so much that theirs would dwarf all differences.

    >>> limits(pd.Series([0.1, 0.2, float("inf")]))
    (0.07, 0.23)
    """
    finite = values[np.isfinite(values)]
    if finite.empty:
        return 0.0, 1.0
    lowest, highest = float(finite.min()), float(finite.max())
    margin = 0.3 * (highest - lowest) or 0.1 * abs(highest) or 0.1
    return lowest - margin, highest + margin


def by_size(line: pd.DataFrame) -> pd.DataFrame:
    """The points of a method in the order of its line."""
    return line.assign(size=pd.to_numeric(line["members"], errors="coerce")).sort_values("size")


def write_sizes(ax: Axes, notes: Sequence[tuple[Look, str, float, float]]) -> Axes:
    """The number of members beside each point, in its colour, where none lies over another."""
    to_share = ax.transScale + ax.transLimits
    places = [tuple(to_share.transform((ms, value))) for _, _, ms, value in notes]
    for (look, members, ms, value), has_room in zip(notes, apart(places, NOTE), strict=True):
        if has_room:
            ax.annotate(
                *(str(members), (ms, value), (2.5, 2.5)),
                textcoords="offset points",
                fontsize="x-small",
                color=look.color,
                path_effects=[withStroke(linewidth=2, foreground="white")],
                label=look.unlisted,
            )
    return ax


def label(names: Names, method: str, line: pd.DataFrame) -> str:
    """What the legend calls the line of a method over its sizes."""
    if len(line) < 2:
        return names.label(Variant(method, str(line["members"].iloc[0])))
    record = names.method(method)
    return f"{record.label}, {record.size} {record.symbol} beside each point"


def _images(count: int) -> str:
    return "one image" if count == 1 else f"{count:,} images"
