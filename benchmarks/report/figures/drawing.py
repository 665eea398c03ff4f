"""What all figures share: panels, a legend, shades, bands, and replicates with their mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from benchmarks.nouns import Names, Variant
from benchmarks.report.figures.files import TITLE
from benchmarks.report.numbers.replicates import each, mean_curve, of_each_method
from benchmarks.report.read.files import Pixels
from benchmarks.report.results import Results
from benchmarks.report.style import BAND, SETTINGS, Look
from benchmarks.schema import ClaimRow, table_of, where

LETTER, HANDLE = 0.054, 0.45
"""Widths in inches of a letter of a legend or title, and of a handle with the space around it."""

CHARACTERS, LINE = 13, 0.19
"""How many fit into an inch of a title, and how many inches a line of it takes."""

ROWS, ROW = 3, 0.146
"""How many rows of a legend a figure's height has space for, and how many inches one takes."""


Sheet = Figure | SubFigure
"""What panels are drawn on: a figure of its own, or a part of another one."""

Canvas = Callable[[float, float], Sheet]
"""From the width and the height in inches that a drawing asks for to its sheet: once a drawing."""


def in_print() -> AbstractContextManager[None]:
    """matplotlib's defaults with the report's settings, whatever the user's own settings are."""
    return style.context(["default", SETTINGS])


def page(width: float, height: float) -> Sheet:
    """A figure of its own, of this width and height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


class Drawing(NamedTuple):
    """A figure, and the numbers that it shows.

    Attributes:
        name: of its files.
    """

    name: str
    figure: Sheet
    numbers: pd.DataFrame


def without_formulas(figure: Sheet) -> None:
    """Before anything is drawn: a dollar in a name begins no formula, as those in numbers do."""
    for text in figure.findobj(Text):
        if isinstance(text, Text) and "$" in text.get_text():
            text.set_parse_math(False)


def panels(
    canvas: Canvas, count: int, *, columns: int, width: float, height: float, **shared: Any
) -> tuple[Sheet, list[Axes]]:
    """A sheet of so many panels, in rows of so many columns; ``height`` is that of a row."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = canvas(width, rows * height)
    grid = figure.subplots(rows, columns, squeeze=False, **shared).flatten().tolist()
    for unused in grid[count:]:
        unused.remove()
    axes = grid[:count]
    for lowest in axes[-columns:]:
        lowest.tick_params(labelbottom=True)
    return figure, axes


def legend_below(figure: Sheet, axes: Iterable[Axes], *, extra: Sequence[Artist] = ()) -> None:
    """One legend for all panels, each label once; a long one makes the figure higher.

    ``extra``: further artists with a label.
    """
    entries: dict[str, Artist] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        for label, handle in zip(labels, handles, strict=True):
            entries.setdefault(label, handle)
    entries |= {str(handle.get_label()): handle for handle in extra}
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


def _columns_that_fit(labels: list[str], width: float) -> int:
    """How many columns of a legend fit, by the usual widths of letters and handles."""
    for columns in range(len(labels), 1, -1):
        longest = [max(map(len, column)) for column in np.array_split(labels, columns)]
        if sum(LETTER * letters + HANDLE for letters in longest) <= width:
            return columns
    return 1


def draw_band(ax: Axes, line: pd.DataFrame, x: str, look: Look) -> Axes:
    """The interval of each point, from ``lower`` to ``upper``, over the column ``x``."""
    style: Any = {"color": look.color, "alpha": BAND if look.filled else BAND / 2}
    ax.fill_between(
        *(line[x], line["lower"], line["upper"]), **style, linewidth=0, label=look.unlisted
    )
    return ax


def draw_curve(ax: Axes, rows: pd.DataFrame, x: str, y: str, look: Look) -> Axes:
    """The replicates' curves and their mean; a single one with its band."""
    for one in each(rows):
        ax.plot(one[x], one[y], **look.thin)
    mean = mean_curve(rows, x, y)
    ax.plot(mean[x], mean[y], **look.curve)
    return draw_band(ax, mean, x, look)


def drawn_curves(table: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The thick lines of a table of curves; thin ones are in the table itself."""
    key = ["recipe", "method", "members", "condition", "score"]
    means = of_each_method(table, key, lambda rows: mean_curve(rows, x, y))
    return means[[*key, "replicates", x, y, "lower", "upper"]]


def replicates_entry(rows: pd.DataFrame, mean: str) -> list[Artist]:
    """The legend of thin lines, if there are any in these rows.

    Args:
        mean: what thick lines are where there are several replicates.
    """
    counts = rows.groupby(["method", "members"])["replicate"].nunique()
    if not (counts > 1).any():
        return []
    return [Line2D([], [], color="0.4", linewidth=0.5, label=f"Thin: replicates; thick: {mean}")]


def shades(pixels: Pixels) -> dict[str, Any]:
    """How ``imshow`` draws an image: a grey one dark on light, as on paper."""
    return {"cmap": "gray_r", "vmin": 0, "vmax": 255} if pixels.ndim == 2 else {}


def show_image(ax: Axes, pixels: Pixels | None) -> Axes:
    """An image; an empty frame where there is none."""
    if pixels is not None:
        ax.imshow(pixels, **shades(pixels), interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.4, color="0.6")
    return ax


def rows_of(table: pd.DataFrame, variant: Variant, **columns: str) -> pd.DataFrame:
    """The rows of a method and size, with these values in further columns."""
    return where(table, **variant._asdict(), **columns)


def conditions_in(table: pd.DataFrame, names: Names) -> list[str]:
    """The conditions of a table of curves, in the order in which they are shown."""
    return sorted(set(table["condition"]), key=names.condition_rank)


def claim_numbers(results: Results, figure: str) -> pd.DataFrame:
    """The rows of ``claims.csv`` of the claims that name this figure."""
    content = results.claims or {"claims": []}
    named = [claim["id"] for claim in content["claims"] if claim["figure"] == figure]
    numbers = results.curve("claims")
    if numbers.empty:
        return table_of(ClaimRow, ())
    return numbers[numbers["claim"].isin(named)].reset_index(drop=True)


def claim_drawing(name: str, figure: Sheet, numbers: pd.DataFrame) -> Drawing:
    """A figure of claims; of the columns, those that any number needs."""
    return Drawing(name, figure, numbers.loc[:, (numbers.notna() & (numbers != "")).any()])
