"""One declaration as a figure: panels in rows, one legend for all, a title; and the ways to draw.

Panels are drawn by the functions of `panels`, from the ways at the end of this module: lines,
points with intervals, bars, steps, circles and images.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from textwrap import wrap
from typing import Any, NamedTuple

import matplotlib.figure as mpl
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.nouns import METHOD_COLUMNS, Contestant, Names
from benchmarks.report.editorial import ENSEMBLE, SAMPLED
from benchmarks.report.figures.files import TITLE, tell
from benchmarks.report.number_format import rounded
from benchmarks.report.results import Results, ShownPixels
from benchmarks.report.style import BAND, COLUMN, PAGE, SETTINGS, Look
from benchmarks.report.tables.ranking import board, shown
from benchmarks.schema import where

LETTER, HANDLE = 0.054, 0.45
"""Widths in inches of a letter of a legend or title, and of a handle with the space around it."""

CHARACTERS, LINE = 13, 0.19
"""How many fit into an inch of a title, and how many inches a line of it takes."""

LEAST = 2.0
"""How many inches high panels, their labels and a short legend are at least, of one row too."""

ROWS, ROW = 3, 0.146
"""How many rows of a legend a figure's height has space for, and how many inches one takes."""

THIN_LINES = Line2D([], [], color="0.4", linewidth=0.5, label="Thin: replicates; thick: their mean")
"""What legends show of replicates."""

Sheet = mpl.Figure | mpl.SubFigure
"""What panels are drawn on: a figure of its own, or a part of another one."""

Canvas = Callable[[float, float], Sheet]
"""From the width and the height in inches that a figure asks for to its sheet."""


class FigureData(NamedTuple):
    """What a figure shows.

    Attributes:
        rows: a row a point, bin or vote; empty where a run has no such numbers.
        replicates: the same of each of several replicates whose mean has no interval.
    """

    rows: pd.DataFrame
    replicates: pd.DataFrame = pd.DataFrame()


@dataclass(frozen=True, eq=False)
class View:
    """What a figure is of: the results of a run, and what is chosen of them.

    Attributes:
        looks: of the methods with a line, a row or a panel.
        metrics, conditions: those chosen; empty: those that the figure shows by itself.
        group: of conditions, of a figure that there is for each group.
    """

    results: Results
    looks: Mapping[Contestant, Look]
    metrics: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    group: str = ""

    @property
    def names(self) -> Names:
        """The run's nouns."""
        return self.results.names

    @property
    def contestants(self) -> tuple[Contestant, ...]:
        """The methods with a line, a row or a panel, in the order in which they are shown."""
        return tuple(self.looks)

    @property
    def severities(self) -> dict[str, float]:
        """The severity of each condition of the group; that of its reference is 0."""
        shifts = self.results.severities[self.group]
        return {shifts[0].reference: 0.0} | {shift.name: shift.severity for shift in shifts}

    def heading(self, column: str, key: Mapping[str, Any]) -> str:
        """What a value of a column is called above a panel."""
        if column == "label":
            return f"label {self.names.class_name(key['label'])}"
        if column == "image":
            return f"Image {key['image']}"
        return self.results.label_of(key[column])


class Panel(NamedTuple):
    """What one panel shows.

    Attributes:
        key: the values that its rows share, by column.
        every: the rows of all panels.
        looks: by the values of the columns that distinguish lines.
    """

    view: View
    key: Mapping[str, Any]
    rows: pd.DataFrame
    replicates: pd.DataFrame
    every: pd.DataFrame
    lines: tuple[str, ...]
    looks: Mapping[Any, Look]

    @property
    def look(self) -> Look:
        """That of the one method of a panel."""
        return self.looks[contestant_in(self.key)]

    def series(self) -> Iterator[tuple[Look, pd.DataFrame, pd.DataFrame]]:
        """Of each line its look, its rows, and those of its replicates."""
        for values, look in self.looks.items():
            key = dict(zip(self.lines, values, strict=False))  # of a contestant not the score
            rows = where(self.rows, **key)
            if not rows.empty:
                replicates = self.replicates
                yield look, rows, replicates if replicates.empty else where(replicates, **key)


def contestant_in(row: Mapping[Any, Any]) -> Contestant:
    """The method of a size and budget in a row of a table."""
    return Contestant(*(row[name] for name in METHOD_COLUMNS))


def largest(results: Results) -> tuple[Contestant, ...]:
    """Every method at its largest size."""
    return results.largest


def ranked(results: Results) -> tuple[Contestant, ...]:
    """Those of them that are in the leaderboard, in its order."""
    rows = chain.from_iterable(shown(results, own) for own in board(results).values())
    contestants = dict.fromkeys(choice.unscored for choice in rows)
    return tuple(contestant for contestant in contestants if contestant in results.largest)


MOST_LINES = 6
"""Of the methods in a panel, where the user does not choose any."""


def leading(results: Results) -> tuple[Contestant, ...]:
    """At most `MOST_LINES` methods, each at its largest size, in their usual order.

    The network alone, MC-dropout and the ensemble, and of the others the leaderboard's best.
    """
    every = results.largest
    if len(every) <= MOST_LINES:
        return every
    always = {
        contestant
        for contestant in every
        if contestant.method in (SAMPLED, ENSEMBLE) or results.is_network_alone(contestant)
    }
    others = [contestant for contestant in ranked(results) if contestant not in always]
    shown = always.union(others[: MOST_LINES - len(always)])
    return tuple(contestant for contestant in every if contestant in shown)


DrawPanel = Callable[[Axes, Panel], None]
"""Draws a panel, or one of the parts that stand below one another in it."""


@dataclass(frozen=True)
class Figure:
    """A figure as data.

    Attributes:
        name: of its files; with ``{group}``, there is one for each group of severities.
        section: of the page.
        caption: how to read it.
        data: what it shows of a view.
        panels: the columns of which each combination of values has a panel; none: a single panel.
        parts: what draws a panel, from above, each with its share of the height.
        title: what the numbers say.
        others: the parts below those, where several methods are shown.
        methods: those that it shows where the user does not choose any.
        lines, looks: the columns that distinguish lines, and how these look; by default methods.
        rows: the columns of ``panels`` whose values have a row of panels each.
        columns: otherwise, how many panels stand in a row at most.
        width: of a panel in inches; 0: as many as ``columns`` fill a page.
        height: of a row of panels in inches, without title and legend.
        heading: the columns of ``panels`` that are named above one; with ``rows``, above the first
            row alone.
        shared: the axes that panels share, as for ``subplots``.
        legend: artists with a label, beside those of the panels.
        below: the label below all panels.
    """

    name: str
    section: str
    caption: str
    data: Callable[[View], FigureData]
    panels: tuple[str, ...]
    parts: tuple[tuple[DrawPanel, float], ...]
    title: str | Callable[[View, pd.DataFrame], str]
    others: tuple[tuple[DrawPanel, float], ...] = ()
    methods: Callable[[Results], tuple[Contestant, ...]] = largest
    lines: tuple[str, ...] = METHOD_COLUMNS
    looks: Callable[[View], Mapping[Any, Look]] = lambda view: view.looks
    rows: tuple[str, ...] = ()
    columns: int = 3
    width: float = 0.0
    height: float | Callable[[View, pd.DataFrame], float] = 2.2
    heading: tuple[str, ...] = ()
    shared: Mapping[str, Any] = field(default_factory=dict)
    legend: Callable[[View, pd.DataFrame], Sequence[Artist]] = lambda view, rows: ()
    below: str = ""


class Drawing(NamedTuple):
    """A figure of matplotlib with its title, and the numbers that it shows."""

    title: str
    figure: Sheet
    numbers: pd.DataFrame


@contextmanager
def in_print() -> Iterator[None]:
    """matplotlib's defaults with the report's settings, whatever the user's own settings are.

    Of a letter that the font lacks a box is drawn, without a warning.
    """
    with style.context(["default", SETTINGS]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def page(width: float, height: float) -> Sheet:
    """A figure of its own, of this width and height in inches."""
    return mpl.Figure(figsize=(width, height), layout="constrained")


def draw(
    figure: Figure, view: View, data: FigureData, canvas: Canvas = page, *, titled: bool = True
) -> Drawing:
    """Draw a figure from what it shows of a view, which is not empty.

    Args:
        titled: whether the title is written above.
    """
    if len(view.contestants) > 1:
        figure = replace(figure, parts=figure.parts + figure.others)
    panels = [*_panels(figure, view, data)]
    starts = data.rows[[*figure.rows]].drop_duplicates() if figure.rows else ()
    rows = len(starts) or math.ceil(len(panels) / figure.columns)
    columns = math.ceil(len(panels) / rows)  # rows are about as long as one another
    height = figure.height(view, data.rows) if callable(figure.height) else figure.height
    width = (figure.width or PAGE / figure.columns) * columns
    sheet = canvas(min(PAGE, max(COLUMN, width)), max(LEAST, rows * height))
    shares = [share for _, share in figure.parts] * rows
    grid = sheet.subplots(
        len(shares), columns, squeeze=False, height_ratios=shares, **figure.shared
    )
    _fill(figure, panels, grid)
    entries = [*figure.legend(view, data.rows)]
    if not data.replicates.empty:
        entries.append(THIN_LINES)
    if figure.below:
        sheet.supxlabel(figure.below, fontsize="medium")
    _legend_below(sheet, entries)
    title = figure.title(view, data.rows) if callable(figure.title) else figure.title
    if titled and title:
        width = int(_width(sheet) * CHARACTERS)
        lines = wrap(title.replace(" = ", "\u00a0=\u00a0"), width, break_on_hyphens=False)
        _heighten(sheet, LINE * len(lines))
        sheet.suptitle("\n".join(lines), fontsize="medium", gid=TITLE)
    return Drawing(title, sheet, data.rows)


def _panels(figure: Figure, view: View, data: FigureData) -> Iterator[Panel]:
    columns, looks = list(figure.panels), figure.looks(view)
    keys = data.rows[columns].drop_duplicates().itertuples(index=False) if columns else ((),)
    for values in keys:
        key = dict(zip(columns, values, strict=True))
        rows, replicates = (
            where(table, **{name: value for name, value in key.items() if name in table})
            for table in data
        )
        yield Panel(view, key, rows, replicates, data.rows, figure.lines, looks)


def _fill(figure: Figure, panels: Sequence[Panel], grid: np.ndarray) -> None:
    """Draw the panels in their places, with headings, and labels of shared axes outside alone."""
    parts, columns = len(figure.parts), grid.shape[1]
    share_x = figure.shared.get("sharex")
    for position in range(grid.size // parts):
        row, column = divmod(position, columns)
        places = grid[row * parts : (row + 1) * parts, column]
        if position >= len(panels):
            for ax in places:
                ax.remove()
            continue
        panel, is_lowest = panels[position], position + columns >= len(panels)
        for (draw_part, _), ax in zip(figure.parts, places, strict=True):
            draw_part(ax, panel)
            if share_x and not (is_lowest and ax is places[-1]):
                ax.set_xlabel("")
        if share_x and is_lowest:
            places[-1].tick_params(labelbottom=True)
        if figure.heading and not (figure.rows and row):
            heading = (panel.view.heading(column, panel.key) for column in figure.heading)
            places[0].set_title("\n".join(heading))
    for first, *others in grid:
        for ax in others:
            if ax.get_ylabel() == first.get_ylabel():
                ax.set_ylabel("")


def _legend_below(sheet: Sheet, further: Sequence[Artist]) -> None:
    """One legend for all panels, each label once; a long one makes the figure higher."""
    entries: dict[str, Artist] = {}
    for ax in sheet.axes:
        handles, labels = ax.get_legend_handles_labels()
        for label, handle in zip(labels, handles, strict=True):
            entries.setdefault(label, handle)
    entries |= {str(artist.get_label()): artist for artist in further}
    if not entries:
        return
    columns = _columns_that_fit(list(entries), _width(sheet))
    _heighten(sheet, ROW * max(0, -(-len(entries) // columns) - ROWS))
    sheet.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns)


def _columns_that_fit(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit, by the usual widths of letters and handles."""
    for columns in range(len(labels), 1, -1):
        longest = [max(map(len, column)) for column in np.array_split(labels, columns)]
        if sum(LETTER * letters + HANDLE for letters in longest) <= width:
            return columns
    return 1


def _width(sheet: Sheet) -> float:
    """In inches."""
    return sheet.bbox.width / sheet.dpi


def _heighten(sheet: Sheet, inches: float) -> None:
    """A part of another figure stays as high as it is."""
    if isinstance(sheet, mpl.Figure):
        sheet.set_figheight(sheet.get_figheight() + inches)


# The ways to draw.

MOST_POINTS = 200
"""Of a line without markers; more cannot be seen."""


LARGEST = 55.0
"""Area in square points of the circle that stands for all votes."""

SPAN = 0.7
"""How wide the methods of a category stand beside one another; categories are 1 apart."""


def lines(
    ax: Axes,
    panel: Panel,
    *,
    x: str,
    y: str = "value",
    interval: tuple[str, ...] = ("lower", "upper"),
    as_bars: bool = False,
    marked: bool = True,
    least: float = -math.inf,
    x_name: Callable[[Mapping[Any, Any]], str] | None = None,
) -> None:
    """A line a method, with a band where there is an interval; thin ones of its replicates.

    Args:
        x, y, interval: the columns of the points; an empty interval is not drawn.
        as_bars: whether intervals are bars, not a band.
        marked: whether each point has a marker, of which a page tells the values; else the line is
            a curve of many points.
        least: where the axis of x begins; points before it are drawn there.
        x_name: what a point is called there; by default its x.
    """

    def drawn(rows: pd.DataFrame, **look: Any) -> Line2D:
        if not marked and len(rows) > MOST_POINTS:
            places = np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int)
            rows = rows.iloc[np.unique(places)]
        (line,) = ax.plot(rows[x].clip(lower=least), rows[y], **look)
        return line

    for look, rows, replicates in panel.series():
        if not replicates.empty:
            for _, replicate in replicates.groupby("replicate"):
                drawn(replicate, **look.thin)
        line = drawn(rows, **(look.line if marked else look.curve))
        tips = [
            f"{look.label}: {_value(row[y], *(row.get(end, math.nan) for end in interval))}, "
            f"{x_name(row) if x_name else format(row[x], 'g')}"
            for row in (rows[np.isfinite(rows[y])].to_dict("records") if marked else ())
        ]
        tell(line, look.label, tips)
        ends = rows.dropna(subset=list(interval)) if set(interval) <= set(rows) else rows.iloc[:0]
        if ends.empty or not interval:
            continue
        lower, upper = (ends[end] for end in interval)
        if as_bars:
            ax.vlines(ends[x], lower, upper, color=look.color, linewidth=0.7, alpha=0.6)
        else:
            fill: Any = {"color": look.color, "alpha": BAND if look.filled else BAND / 2}
            ax.fill_between(ends[x].clip(lower=least), lower, upper, linewidth=0, **fill)


def points(
    ax: Axes, rows: pd.DataFrame, at: Sequence[float] | pd.Series[float], look: Look
) -> None:
    """A point with its interval at each place."""
    values, lower, upper = (rows[name] for name in ("value", "lower", "upper"))
    ax.vlines(at, lower, upper, color=look.color, linewidth=0.7, alpha=0.6)
    (line,) = ax.plot(at, values, **look.line | {"linestyle": "none"})
    tips = [f"{look.label}: {_value(*ends)}" for ends in zip(values, lower, upper, strict=True)]
    tell(line, look.label, tips)


def steps(
    ax: Axes, bins: pd.DataFrame, heights: pd.Series[float], floor: float, **look: Any
) -> None:
    """The heights of bins as a line of steps on a logarithmic axis, from ``floor`` on."""
    edges = [*bins["lower"], bins["upper"].iloc[-1]]
    ax.stairs(heights.clip(lower=floor), edges, baseline=floor, **look)


def circles(
    ax: Axes, x: pd.Series[Any], y: pd.Series[Any], shares: pd.Series[float], look: Look
) -> None:
    """A circle a vote, whose area is its share of all votes."""
    cast = shares > 0
    drawn = ax.scatter(
        x[cast], y[cast], s=LARGEST * shares[cast], color=look.color, linewidth=0, zorder=2
    )
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


def patch(label: str, color: str) -> Patch:
    """An entry of a legend for what is filled."""
    return Patch(facecolor=color, edgecolor="0.7", linewidth=0.5, label=label)


def beside(position: int, count: int) -> float:
    """How far from its category one of several stands.

    >>> beside(0, 2), beside(1, 2)
    (-0.175, 0.175)
    """
    return SPAN * ((position + 0.5) / count - 0.5)


def logarithmic(ax: Axes, axis: str, ticks: Sequence[float]) -> None:
    """A logarithmic axis with these ticks alone, written without powers."""
    getattr(ax, f"set_{axis}scale")("log")
    chosen = getattr(ax, f"{axis}axis")
    chosen.set_major_locator(FixedLocator([*ticks]))
    chosen.set_minor_locator(NullLocator())
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _value(value: float, lower: float = math.nan, upper: float = math.nan) -> str:
    """With its interval's half-width, if it has one.

    >>> _value(0.8451, 0.84, 0.85), _value(0.8451)
    ('0.845 ± 0.005', '0.845')
    """
    text, half = rounded(value, (upper - lower) / 2)
    return f"{text} ± {half}" if half else text
