"""One declaration as a figure: panels in rows, one legend for all, a title, and the numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from benchmarks.nouns import Names, Variant
from benchmarks.report.figures.files import TITLE
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, PAGE, SETTINGS, Look, look_in
from benchmarks.schema import where

LETTER, HANDLE = 0.054, 0.45
"""Widths in inches of a letter of a legend or title, and of a handle with the space around it."""

CHARACTERS, LINE = 13, 0.19
"""How many fit into an inch of a title, and how many inches a line of it takes."""

LEAST = 2.0
"""How many inches high panels, their labels and a short legend are at least, of one row too."""

ROWS, ROW = 3, 0.146
"""How many rows of a legend a figure's height has space for, and how many inches one takes."""

METHODS = ("method", "members")

THIN = Line2D([], [], color="0.4", linewidth=0.5, label="Thin: replicates; thick: their mean")
DOTS = Line2D([], [], color="0.4", marker=".", linestyle="none", label="Small: replicates")
"""What legends show of replicates."""

Sheet = Figure | SubFigure
"""What panels are drawn on: a figure of its own, or a part of another one."""

Canvas = Callable[[float, float], Sheet]
"""From the width and the height in inches that a figure asks for to its sheet."""


class Numbers(NamedTuple):
    """What a figure shows.

    Attributes:
        rows: a row a point, bin or vote; empty where a run has no such numbers.
        replicates: the same of each of several replicates whose mean has no interval.
    """

    rows: pd.DataFrame
    replicates: pd.DataFrame = pd.DataFrame()


@dataclass(frozen=True, eq=False)
class View:
    """What a figure is of: the results of one recipe, and what is chosen of them.

    Attributes:
        looks: of the methods with a line or a panel.
        sizes: the methods that are compared where each has more than one size.
        metrics, conditions: those chosen; empty: those that the figure shows by itself.
        group: of conditions, of a figure that there is for each group.
    """

    results: Results
    looks: Mapping[Variant, Look]
    sizes: tuple[Variant, ...]
    metrics: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    group: str = ""

    @property
    def names(self) -> Names:
        """The run's nouns."""
        return self.results.names

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The methods with a line or a panel, in the order in which they are shown."""
        return tuple(self.looks)

    def look(self, variant: Variant) -> Look:
        """How a method looks, of whatever size."""
        return look_in(self.looks, variant)


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

    def series(self) -> Iterator[tuple[Look, pd.DataFrame, pd.DataFrame]]:
        """Of each line its look, its rows, and those of its replicates."""
        for values, look in self.looks.items():
            key = dict(zip(self.lines, values, strict=True))
            rows = where(self.rows, **key)
            if not rows.empty:
                replicates = self.replicates
                yield look, rows, replicates if replicates.empty else where(replicates, **key)


Part = Callable[[Axes, Panel], None]
"""Draws a panel, or one of the parts that stand below one another in it."""


@dataclass(frozen=True)
class Declared:
    """A figure as data.

    Attributes:
        name: of its files; with ``{group}``, there is one for each group of severities.
        section: of the page.
        caption: how to read it.
        numbers: what it shows of a view.
        panels: the columns of which each combination of values has a panel.
        parts: what draws a panel, each with its share of the height.
        title: what the numbers say.
        lines, looks: the columns that distinguish lines, and how these look; by default methods.
        rows: the columns of ``panels`` whose values have a row of panels each.
        columns: otherwise, how many panels stand in a row at most.
        width: of a panel in inches.
        height: of a row of panels in inches, without title and legend.
        heading: of a panel, from the view and its key; with ``rows``, of the first row alone.
        shared: the axes that panels share, as for ``subplots``.
        legend: artists with a label, beside those of the panels.
        below: the label below all panels.
        foot: what is drawn below a single column of panels, from all that they show.
        replicates: what the legend shows of replicates, where there are any.
        of: of which recipes a run has it: the main one, every one, or that of the claims.
    """

    name: str
    section: str
    caption: str
    numbers: Callable[[View], Numbers]
    panels: tuple[str, ...]
    parts: tuple[tuple[Part, float], ...]
    title: Callable[[View, pd.DataFrame], str] = lambda view, rows: ""
    lines: tuple[str, ...] = METHODS
    looks: Callable[[View], Mapping[Any, Look]] = lambda view: view.looks
    rows: tuple[str, ...] = ()
    columns: int = 3
    width: float = PAGE / 3
    height: Callable[[View, pd.DataFrame], float] = lambda view, rows: 2.2
    heading: Callable[[View, Mapping[str, Any]], str] = lambda view, key: ""
    shared: Mapping[str, Any] = field(default_factory=dict)
    legend: Callable[[View, pd.DataFrame], Sequence[Artist]] = lambda view, rows: ()
    below: str = ""
    foot: tuple[Part, float] | None = None
    replicates: Artist = THIN
    of: str = "main"


class Drawing(NamedTuple):
    """A figure of matplotlib with its title, and the numbers that it shows."""

    name: str
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
    return Figure(figsize=(width, height), layout="constrained")


def draw(
    declared: Declared, view: View, canvas: Canvas = page, *, titled: bool = True
) -> Drawing | None:
    """Draw a figure; ``None`` where there are no numbers for it.

    Args:
        titled: whether the title is written above.
    """
    numbers = declared.numbers(view)
    if numbers.rows.empty:
        return None
    panels = [*_panels(declared, view, numbers)]
    starts = numbers.rows[[*declared.rows]].drop_duplicates() if declared.rows else ()
    rows = len(starts) or math.ceil(len(panels) / declared.columns)
    columns = math.ceil(len(panels) / rows)  # rows are about as long as one another
    width = min(PAGE, max(COLUMN, declared.width * columns))
    figure = canvas(width, max(LEAST, rows * declared.height(view, numbers.rows)))
    shares = [share for _, share in declared.parts] * rows
    if declared.foot:
        shares.append(declared.foot[1])
    grid = figure.subplots(
        len(shares), columns, squeeze=False, height_ratios=shares, **declared.shared
    )
    _fill(declared, panels, grid[: rows * len(declared.parts)])
    if declared.foot:
        everything = Panel(view, {}, *numbers, numbers.rows, declared.lines, panels[0].looks)
        declared.foot[0](grid[-1, 0], everything)
    entries = [*declared.legend(view, numbers.rows)]
    if not numbers.replicates.empty:
        entries.append(declared.replicates)
    if declared.below:
        figure.supxlabel(declared.below, fontsize="medium")
    legend_below(figure, entries)
    title = declared.title(view, numbers.rows)
    if titled:
        title_above(figure, title)
    return Drawing(declared.name.format(group=view.group), title, figure, numbers.rows)


def _panels(declared: Declared, view: View, numbers: Numbers) -> Iterator[Panel]:
    columns = list(declared.panels)
    known = declared.looks(view)
    for values in numbers.rows[columns].drop_duplicates().itertuples(index=False):
        key = dict(zip(columns, values, strict=True))
        rows, replicates = (
            where(table, **{name: value for name, value in key.items() if name in table})
            for table in numbers
        )
        yield Panel(view, key, rows, replicates, numbers.rows, declared.lines, known)


def _fill(declared: Declared, panels: Sequence[Panel], grid: np.ndarray) -> None:
    """Draw the panels in their places, with headings, and labels of shared axes outside alone."""
    parts, columns = len(declared.parts), grid.shape[1]
    share_x = declared.shared.get("sharex")
    for position in range(grid.size // parts):
        row, column = divmod(position, columns)
        places = grid[row * parts : (row + 1) * parts, column]
        if position >= len(panels):
            for ax in places:
                ax.remove()
            continue
        panel, is_lowest = panels[position], position + columns >= len(panels)
        for (part, _), ax in zip(declared.parts, places, strict=True):
            part(ax, panel)
            if share_x and not (is_lowest and ax is places[-1]):
                ax.set_xlabel("")
        if share_x and is_lowest and not declared.foot:
            places[-1].tick_params(labelbottom=True)
        heading = declared.heading(panel.view, panel.key)
        if heading and not (declared.rows and row):
            places[0].set_title(heading)
    for first, *others in grid:
        for ax in others:
            if ax.get_ylabel() == first.get_ylabel():
                ax.set_ylabel("")


def legend_below(figure: Sheet, further: Sequence[Artist] = ()) -> None:
    """One legend for all panels, each label once; a long one makes the figure higher.

    ``further``: artists with a label.
    """
    entries: dict[str, Artist] = {}
    for ax in figure.axes:
        handles, labels = ax.get_legend_handles_labels()
        for label, handle in zip(labels, handles, strict=True):
            entries.setdefault(label, handle)
    entries |= {str(artist.get_label()): artist for artist in further}
    if not entries:
        return
    columns = _columns_that_fit(list(entries), _width(figure))
    _heighten(figure, ROW * max(0, -(-len(entries) // columns) - ROWS))
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns)


def title_above(figure: Sheet, text: str) -> None:
    """A title in as many lines as it needs, for which the figure is made higher; empty: none."""
    if not text:
        return
    lines = wrap(text, int(_width(figure) * CHARACTERS))
    _heighten(figure, LINE * len(lines))
    figure.suptitle("\n".join(lines), fontsize="medium", gid=TITLE)


def _width(figure: Sheet) -> float:
    """In inches."""
    if isinstance(figure, Figure):
        return figure.get_figwidth()
    return figure.bbox.width / figure.dpi


def _heighten(figure: Sheet, inches: float) -> None:
    """A part of another figure stays as high as it is."""
    if isinstance(figure, Figure):
        figure.set_figheight(figure.get_figheight() + inches)


def _columns_that_fit(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit, by the usual widths of letters and handles."""
    for columns in range(len(labels), 1, -1):
        longest = [max(map(len, column)) for column in np.array_split(labels, columns)]
        if sum(LETTER * letters + HANDLE for letters in longest) <= width:
            return columns
    return 1
