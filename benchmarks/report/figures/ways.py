"""The ways of drawing: lines, points with intervals, bars, steps, circles and images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report.figures.engine import Panel
from benchmarks.report.figures.files import tell
from benchmarks.report.number_format import rounded
from benchmarks.report.results import ShownPixels
from benchmarks.report.style import BAND, Look

MOST_POINTS = 200
"""Of a line without markers; more cannot be seen."""

HATCH = "//////"

LARGEST = 55.0
"""Area in square points of the circle that stands for all votes."""

_ROUND = 0.5523
CIRCLE = Path(
    [
        *((1, 0), (1, _ROUND), (_ROUND, 1), (0, 1), (-_ROUND, 1), (-1, _ROUND), (-1, 0)),
        *((-1, -_ROUND), (-_ROUND, -1), (0, -1), (_ROUND, -1), (1, -_ROUND), (1, 0)),
    ],
    [Path.MOVETO, *[Path.CURVE4] * 12],
)
"""Of half as many pieces as that of matplotlib, since files hold hundreds."""

SPAN = 0.7
"""How wide the methods of a category stand beside one another; categories are 1 apart."""


def lines(
    ax: Axes,
    panel: Panel,
    *,
    x: str,
    y: str = "value",
    interval: tuple[str, str] = ("lower", "upper"),
    bars: bool = False,
    marked: bool = True,
    least: float = -math.inf,
    x_name: Callable[[Mapping[Any, Any]], str] | None = None,
) -> None:
    """A line a method, with a band where there is an interval; thin ones of its replicates.

    Args:
        x, y, interval: the columns of the points.
        bars: whether intervals are bars, not a band.
        marked: whether each point has a marker, of which a page tells the values; else the line is
            a curve of many points.
        least: where the axis of x begins; points before it are drawn there.
        x_name: what a point is called there; by default its x.
    """
    for look, rows, thin in panel.series():
        if not thin.empty:
            for _, single in thin.groupby("replicate"):
                ax.plot(*_points(single, x, y, marked, least), **look.thin)
        style = look.line if marked else look.curve
        (line,) = ax.plot(*_points(rows, x, y, marked, least), **style)
        finite = rows[np.isfinite(rows[y])] if marked else rows.iloc[:0]
        tips = [
            f"{look.label}: {_value(row[y], *(row.get(end, math.nan) for end in interval))}, "
            f"{x_name(row) if x_name else format(row[x], 'g')}"
            for row in finite.to_dict("records")
        ]
        tell(line, look.label, tips)
        ends = rows.dropna(subset=list(interval)) if set(interval) <= set(rows) else rows.iloc[:0]
        if bars:
            lower, upper = (ends[end] for end in interval)
            ax.vlines(ends[x], lower, upper, color=look.color, linewidth=0.7, alpha=0.6)
        elif not ends.empty:
            opaque = BAND if look.filled else BAND / 2
            lower, upper = (ends[end] for end in interval)
            ax.fill_between(
                ends[x].clip(lower=least), lower, upper, color=look.color, alpha=opaque, linewidth=0
            )


def points(
    ax: Axes,
    rows: pd.DataFrame,
    at: Sequence[float] | pd.Series[float],
    look: Look,
    *,
    value: str = "value",
    interval: tuple[str, str] = ("lower", "upper"),
    upright: bool = True,
) -> None:
    """A point with its interval at each place; ``upright``: values are along y, else along x."""
    values, lower, upper = (rows[name] for name in (value, *interval))
    style: Any = {"color": look.color, "linewidth": 0.7, "alpha": 0.6}
    (ax.vlines if upright else ax.hlines)(at, lower, upper, **style)
    style = look.line | {"linestyle": "none"}
    (line,) = ax.plot(*((at, values) if upright else (values, at)), **style)
    tips = [f"{look.label}: {_value(*ends)}" for ends in zip(values, lower, upper, strict=True)]
    tell(line, look.label, tips)


def bars(
    ax: Axes,
    at: Any,
    heights: Any,
    color: str,
    *,
    width: float = 0.7,
    label: str = "",
    on: Any = None,
) -> None:
    """A bar at each place; ``on``: on what they stand, hatched."""
    style: Any = {"color": color, "linewidth": 0}
    if on is not None:
        style = {"color": "white", "edgecolor": color, "hatch": HATCH, "linewidth": 0.6}
    ax.bar(at, heights, width=width, bottom=0 if on is None else on, label=label, **style)


def steps(
    ax: Axes, bins: pd.DataFrame, heights: pd.Series[float], floor: float, **style: Any
) -> None:
    """The heights of bins as a line of steps on a logarithmic axis, from ``floor`` on."""
    edges = [*bins["lower"], bins["upper"].iloc[-1]]
    ax.stairs(heights.clip(lower=floor), edges, baseline=floor, **style)


def circles(
    ax: Axes, x: pd.Series[Any], y: pd.Series[Any], shares: pd.Series[float], look: Look
) -> None:
    """A circle a vote, whose area is its share of all votes."""
    style: Any = {"color": look.color, "linewidth": 0, "zorder": 2}
    cast = shares > 0
    drawn = ax.scatter(x[cast], y[cast], s=LARGEST * shares[cast], marker=CIRCLE, **style)
    tell(drawn, look.label)


def image(
    ax: Axes, pixels: ShownPixels | None, x: float, points: float, *, above: float = 0.0
) -> None:
    """An image as a square of so many points, a grey one dark on light as on paper.

    Args:
        x: its middle; with ``above`` in shares of the panel, else as the axis has it.
        above: by how many points it stands above the panel; 0: in its middle.
    """
    if pixels is None:
        return
    if pixels.ndim == 2:
        pixels = np.repeat(255 - pixels[..., np.newaxis], 3, axis=2)
    drawn = OffsetImage(pixels, zoom=points / max(pixels.shape[:2]), interpolation="nearest")
    place: Any = {"xycoords": ax.get_xaxis_transform(), "frameon": False, "pad": 0}
    if above:
        offset = (0, above + points / 2)
        place |= {"xycoords": "axes fraction", "xybox": offset, "boxcoords": "offset points"}
    ax.add_artist(AnnotationBbox(drawn, (x, 1.0 if above else 0.5), **place))


def patch(label: str, color: str, *, hatched: bool = False) -> Patch:
    """An entry of a legend for what is filled, or hatched as the upper of two bars is."""
    if hatched:
        return Patch(facecolor="white", edgecolor=color, hatch=HATCH, label=label)
    return Patch(color=color, label=label)


def beside(position: int, of: int) -> float:
    """How far from its category one of several stands.

    >>> beside(0, 2), beside(1, 2)
    (-0.175, 0.175)
    """
    return SPAN * ((position + 0.5) / of - 0.5)


def logarithmic(ax: Axes, axis: str, ticks: Sequence[float]) -> None:
    """A logarithmic axis with these ticks alone, written without powers."""
    getattr(ax, f"set_{axis}scale")("log")
    chosen = getattr(ax, f"{axis}axis")
    chosen.set_major_locator(FixedLocator([*ticks]))
    chosen.set_minor_locator(NullLocator())
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _points(
    rows: pd.DataFrame, x: str, y: str, marked: bool, least: float
) -> tuple[pd.Series[float], pd.Series[float]]:
    """Those of a line; of a curve of many points so many that none is missed."""
    if not marked and len(rows) > MOST_POINTS:
        rows = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int))]
    return rows[x].clip(lower=least), rows[y]


def _value(value: float, lower: float = math.nan, upper: float = math.nan) -> str:
    """With its interval's half-width, if it has one.

    >>> _value(0.8451, 0.84, 0.85), _value(0.8451)
    ('0.845 ± 0.005', '0.845')
    """
    text, half = rounded(value, (upper - lower) / 2)
    return f"{text} ± {half}" if half else text
