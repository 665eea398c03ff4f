"""One declaration as a figure: panels in rows, one legend for all, a title; and how to draw lines.

Panels are drawn by the functions of `panels`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import attrgetter
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib.figure as mpl
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.nouns import METHOD_COLUMNS, Contestant, Names
from benchmarks.report.editorial import ENSEMBLE, SAMPLED
from benchmarks.report.results import Results, ShownPixels
from benchmarks.report.style import BAND, COLUMN, PAGE, SETTINGS, Look
from benchmarks.report.tables.front import contestants
from benchmarks.report.tables.ranking import board, shown
from benchmarks.schema import where

ENTRY, LABEL_LETTERS = 2.2, 38
"""Inches of a column of a legend, and how many letters of a label fit into a line of it."""

TITLE_LETTERS = 14
"""How many letters of a title fit into an inch."""

LINE = 0.16
"""How much higher, in inches, a line of the title or legend makes a figure."""

Sheet = mpl.Figure | mpl.SubFigure
"""What panels are drawn on: a figure of its own, or a part of another one."""

Canvas = Callable[[float, float], Sheet]
"""From the width and the height in inches that a figure asks for to its sheet."""


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
    def baseline(self) -> Contestant:
        """What differences are to: the network alone; where it is not shown, the first method."""
        return next(filter(self.results.is_network_alone, self.looks), self.contestants[0])

    @property
    def others(self) -> tuple[Contestant, ...]:
        """The methods that are compared with the baseline."""
        return tuple(each for each in self.contestants if each != self.baseline)

    @property
    def severities(self) -> dict[str, float]:
        """The severity of each condition of the group; that of its reference is 0."""
        shifts = self.results.severities[self.group]
        return {shifts[0].reference: 0.0} | {shift.name: shift.severity for shift in shifts}


class Panel(NamedTuple):
    """What one panel shows.

    Attributes:
        key: the values that its rows share, by column.
        every: the rows of all panels.
    """

    view: View
    key: Mapping[str, Any]
    rows: pd.DataFrame
    every: pd.DataFrame

    @property
    def condition(self) -> str:
        """What the condition of its rows is called."""
        return self.view.results.label_of(self.key["condition"])

    @property
    def measure(self) -> str:
        """What the metric of its rows is called, with its unit and an arrow to the better end."""
        return self.view.names.printed(self.key["metric"]).axis_title

    def series(self, contestants: Sequence[Contestant] = ()) -> Iterator[tuple[Look, pd.DataFrame]]:
        """The look and the rows of each contestant that has some; by default of all shown."""
        for contestant in contestants or self.view.contestants:
            rows = where(self.rows, **contestant.columns)
            if not rows.empty:
                yield self.view.looks[contestant], rows


def contestant_in(row: Mapping[Any, Any]) -> Contestant:
    """The method of a size and budget in a row of a table."""
    return Contestant(*(row[name] for name in METHOD_COLUMNS))


def leaderboard(results: Results) -> list[Contestant]:
    """The contestants of the leaderboard, in its order."""
    return [*chain.from_iterable(shown(results, own) for own in board(results).values())]


def ranked(results: Results) -> tuple[Contestant, ...]:
    """The methods of the leaderboard at their largest size."""
    methods = dict.fromkeys(choice.unscored for choice in leaderboard(results))
    return tuple(method for method in methods if method in results.largest)


def first(results: Results) -> tuple[Contestant, ...]:
    """The contestants of the first table; a further score changes none of their networks."""
    return tuple(dict.fromkeys(each.unscored for each in contestants([results])))


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
        data: a row a point, bin or vote of a view; empty where a run has no such numbers.
        panels: the columns of which each combination of values has a panel; none: a single panel.
        parts: what draws a panel, from above, each with its share of the height.
        title: what the numbers say.
        others: the parts below those, where several methods are shown.
        methods: those that it shows where the user does not choose any; by default all, each at
            its largest size.
        width: of a panel in inches; as many stand in a row as fit into a page.
        height: of a row of panels in inches, without title and legend.
        shared: the axes that panels share, as for ``subplots``.
    """

    name: str
    section: str
    caption: str
    data: Callable[[View], pd.DataFrame]
    panels: tuple[str, ...]
    parts: tuple[tuple[DrawPanel, float], ...]
    title: str | Callable[[View, pd.DataFrame], str]
    others: tuple[tuple[DrawPanel, float], ...] = ()
    methods: Callable[[Results], tuple[Contestant, ...]] = attrgetter("largest")
    width: float = PAGE / 3
    height: float | Callable[[View, pd.DataFrame], float] = 2.0
    shared: Mapping[str, Any] = field(default_factory=dict)


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
    figure: Figure, view: View, rows: pd.DataFrame, canvas: Canvas = page, *, titled: bool = True
) -> Drawing:
    """Draw a figure from the rows that it shows of a view, of which there are some.

    Args:
        titled: whether the title is written above.
    """
    if len(view.contestants) > 1:
        figure = replace(figure, parts=figure.parts + figure.others)
    places = rows[[*figure.panels]].drop_duplicates() if figure.panels else rows[:1][[]]
    keys: list[dict[str, Any]] = [dict(row) for _, row in places.iterrows()]
    panels = [Panel(view, key, where(rows, **key), rows) for key in keys]
    lines = math.ceil(len(panels) / int(PAGE / figure.width))
    columns = math.ceil(len(panels) / lines)  # rows are about as long as one another
    height = figure.height(view, rows) if callable(figure.height) else figure.height
    sheet = canvas(max(COLUMN, figure.width * columns), lines * height)
    _draw_panels(figure, panels, sheet, columns)
    _draw_legend(sheet)
    title = figure.title(view, rows) if callable(figure.title) else figure.title
    if titled and title:
        text = wrapped(title, int(_width(sheet) * TITLE_LETTERS))
        _heighten(sheet, LINE * (text.count("\n") + 1.5))
        sheet.suptitle(text, fontsize="medium")
    return Drawing(title, sheet, rows)


def _draw_panels(figure: Figure, panels: Sequence[Panel], sheet: Sheet, columns: int) -> None:
    """Draw the panels in their places; labels of shared axes stand outside alone."""
    parts, rows = len(figure.parts), math.ceil(len(panels) / columns)
    shares = [share for _, share in figure.parts] * rows
    grid = sheet.subplots(
        len(shares), columns, squeeze=False, height_ratios=shares, **figure.shared
    )
    stacks = [stack for row in np.split(grid, rows) for stack in row.T]
    for ax in chain.from_iterable(stacks[len(panels) :]):
        ax.remove()
    for position, (panel, stack) in enumerate(zip(panels, stacks, strict=False)):
        for ax, (draw_part, _) in zip(stack, figure.parts, strict=True):
            draw_part(ax, panel)
        if figure.shared.get("sharex"):
            is_lowest = position + columns >= len(panels)
            for ax in stack[: parts - is_lowest]:
                ax.set_xlabel("")
            stack[-1].tick_params(labelbottom=is_lowest)
    for first, *others in grid:
        for ax in others:
            if ax.get_ylabel() == first.get_ylabel():
                ax.set_ylabel("")


def _draw_legend(sheet: Sheet) -> None:
    """One legend for all panels, each label once; it makes the figure higher."""
    entries: dict[str, Artist] = {}
    for ax in sheet.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        columns = max(1, int(_width(sheet) / ENTRY))
        labels = [wrapped(label, LABEL_LETTERS) for label in entries]
        _heighten(sheet, LINE * math.ceil(len(labels) / columns))
        sheet.legend([*entries.values()], labels, loc="outside lower center", ncols=columns)


def wrapped(text: str, letters: int) -> str:
    """A text in lines of at most so many letters, which do not end within ``T = 100``."""
    joined = text.replace(" = ", "\u00a0=\u00a0")
    return fill(joined, letters, break_on_hyphens=False).replace("\u00a0", " ")


def _width(sheet: Sheet) -> float:
    """In inches."""
    return sheet.bbox.width / sheet.dpi


def _heighten(sheet: Sheet, inches: float) -> None:
    """A part of another figure stays as high as it is."""
    if isinstance(sheet, mpl.Figure):
        sheet.set_figheight(sheet.get_figheight() + inches)


# Ways to draw.


def lines(
    ax: Axes,
    panel: Panel,
    contestants: Sequence[Contestant] = (),
    *,
    x: str,
    y: str = "value",
    interval: tuple[str, str] | None = ("lower", "upper"),
    as_bars: bool = False,
    **look_of_lines: Any,
) -> None:
    """A line a method, with a band where there is an interval.

    Args:
        contestants: by default all that are shown.
        x, y, interval: the columns of the points; without an interval there is no band.
        as_bars: whether intervals are bars, not a band.
        look_of_lines: arguments in place of those of a method's look.
    """
    for look, rows in panel.series(contestants):
        ax.plot(rows[x], rows[y], **look.line | look_of_lines)
        if not interval:
            continue
        ends = rows.dropna(subset=[*interval])
        lower, upper = (ends[name] for name in interval)
        if as_bars:
            ax.vlines(ends[x], lower, upper, color=look.color, linewidth=0.7, alpha=0.6)
        else:
            band: Any = {"color": look.color, "alpha": BAND if look.filled else BAND / 2}
            ax.fill_between(ends[x], lower, upper, linewidth=0, **band)


def image(ax: Axes, pixels: ShownPixels | None, points: float, *, above: float = 0.0) -> None:
    """An image as a square of so many points, a grey one dark on light as on paper.

    Args:
        above: by how many points it stands above the panel; 0: in its middle.
    """
    if pixels is None:
        return
    if pixels.ndim == 2:
        pixels = np.repeat(255 - pixels[..., np.newaxis], 3, axis=2)
    drawn = OffsetImage(pixels, zoom=points / max(pixels.shape[:2]), interpolation="nearest")
    place, offset = ((0.5, 1.0), above + points / 2) if above else ((0.5, 0.5), 0.0)
    frame: Any = {"xycoords": "axes fraction", "boxcoords": "offset points", "frameon": False}
    ax.add_artist(AnnotationBbox(drawn, place, (0.0, offset), pad=0, **frame))


def logarithmic(ax: Axes, axis: str, ticks: Sequence[float]) -> None:
    """A logarithmic axis with these ticks alone, written without powers."""
    getattr(ax, f"set_{axis}scale")("log")
    chosen = getattr(ax, f"{axis}axis")
    chosen.set_major_locator(FixedLocator([*ticks]))
    chosen.set_minor_locator(NullLocator())
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
