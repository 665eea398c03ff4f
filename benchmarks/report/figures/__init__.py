"""The figures of a run: declared as data, drawn once, and any of them as a user wants it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import matplotlib.figure as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.io import UserError, require_distinct, written_whole
from benchmarks.progress import tracked
from benchmarks.report.figures.declared import FIGURES
from benchmarks.report.figures.engine import (
    Canvas,
    Drawing,
    Figure,
    Sheet,
    View,
    draw,
    in_print,
    leading,
    page,
)
from benchmarks.report.figures.files import FigureFiles, svg_and_png
from benchmarks.report.results import Results
from benchmarks.report.style import DPI, looks

UNDATED: Mapping[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
"""The formats of a user's figure, and what keeps the time out of each."""


def drawn_figures(results: Results) -> list[FigureFiles]:
    """The figures of a run in the order of the page."""
    wanted, files = [*_with_data(results)], []
    with in_print():
        for name, figure, view, rows in tracked(wanted, len(wanted), "report", "figures"):
            title, sheet, numbers = draw(figure, view, rows)
            svg, png = svg_and_png(cast(mpl.Figure, sheet), name, title)
            about = name, title, _caption(figure, view), figure.section.format(group=view.group)
            files.append(FigureFiles(*about, svg, png, numbers))
    return files


def _caption(figure: Figure, view: View) -> str:
    """How to read a figure, and of how many methods it is."""
    drawn, every = len(view.contestants), len(view.results.largest)
    if figure.methods is not leading or drawn == every:
        return figure.caption
    return f"{figure.caption} {drawn} of {every} methods; the command figure draws others, too."


def figure_names(results: Results) -> list[str]:
    """The names of the figures that there are numbers for."""
    return [name for name, *_ in _with_data(results)]


def draw_figure(
    results: Results,
    name: str,
    *,
    methods: Sequence[str] = (),
    metrics: Sequence[str] = (),
    conditions: Sequence[str] = (),
    canvas: Canvas = page,
    titled: bool = True,
) -> Drawing:
    """Draw a figure.

    Args:
        methods: by name, of a certain size and budget by key (``mc_dropout-50``).
        metrics, conditions: as the methods, by default those that the figure shows by itself.
        canvas: gives the place that it fills; by default a figure of its own.
        titled: whether the finding is written above.

    Raises:
        UserError: there is no such figure, or it has no numbers of something that is chosen.
    """
    known = _known(results)
    _require("figure", [name], known)
    figure, group = known[name]
    view = _view(results, figure, group, methods, metrics, conditions)
    rows = figure.data(view)
    if rows.empty:
        raise UserError(
            f"there are no numbers for the figure {name!r} of what is chosen; figures that there "
            f"are: {', '.join(figure_names(results)) or 'none'}"
        )
    # Rather stop than draw something else.
    if methods and "method" not in rows:
        raise UserError(f"the figure {name!r} has no methods to choose from")
    for column, chosen in (("metric", metrics), ("condition", conditions)):
        for value in chosen:
            if column not in rows or value not in set(rows[column]):
                raise UserError(f"the figure {name!r} has no numbers of {column} {value!r}")
    with in_print():
        return draw(figure, view, rows, canvas, titled=titled)


def save_figure(sheet: Sheet, path: Path) -> None:
    """Write a figure as a whole PDF, SVG or PNG; the same figure gives the same bytes."""
    kind = path.suffix.removeprefix(".").lower()
    with in_print(), written_whole(path) as temporary:
        cast(mpl.Figure, sheet).savefig(temporary, format=kind, dpi=DPI, metadata=UNDATED[kind])


def _known(results: Results) -> dict[str, tuple[Figure, str]]:
    """The figures by their names, with the group of those that there are for each group."""
    return {
        figure.name.format(group=group): (figure, group)
        for figure in FIGURES
        for group in (results.severities if "{group}" in figure.name else ("",))
    }


def _with_data(results: Results) -> Iterator[tuple[str, Figure, View, pd.DataFrame]]:
    """The figures that there are numbers for, with these."""
    for name, (figure, group) in _known(results).items():
        view = _view(results, figure, group)
        rows = figure.data(view)
        if not rows.empty:
            yield name, figure, view, rows


def _view(
    results: Results,
    figure: Figure,
    group: str,
    methods: Sequence[str] = (),
    metrics: Sequence[str] = (),
    conditions: Sequence[str] = (),
) -> View:
    """What is chosen of the results.

    Raises:
        UserError: there is no such method, metric or condition.
    """
    _require("metric", metrics, set(results.summary["metric"]))
    _require("condition", conditions, set(results.summary["condition"]))
    by_name = {each.method: [each] for each in results.largest}
    by_name |= {results.names.key(each): [each] for each in results.contestants}
    by_name = {each.method: [] for each in results.contestants} | by_name
    _require("method", methods, by_name)
    contestants = [each for name in methods for each in by_name[name]] or figure.methods(results)
    known = looks(results.names, {*results.largest, *contestants})
    shown = {contestant: known[contestant] for contestant in contestants}
    # Of a method that is named without a size, all sizes stay.
    chosen = results.with_methods(methods)
    return View(chosen, shown, tuple(metrics), tuple(conditions), group)


def _require(what: str, names: Sequence[str], known: Collection[str]) -> None:
    """Stop at a name that is not known, or is there twice."""
    require_distinct(f"--{what}s", names)
    for name in names:
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise UserError(f"there is no {what} {name!r}; choose from {choices}")


def canvas_of(ax: Axes | None) -> Canvas:
    """The place of ``ax``, which itself is then not seen, or a new figure of pyplot."""
    if ax is not None:
        return lambda width, height: _part_of(ax)
    import matplotlib.pyplot as plt  # here: who gives a place needs none of pyplot's figures

    return lambda width, height: plt.figure(figsize=(width, height), layout="constrained")


def _part_of(ax: Axes) -> mpl.SubFigure:
    """A part of the figure in the place of ``ax``.

    Raises:
        UserError: ``ax`` has no place in a grid.
    """
    place = ax.get_subplotspec()
    if place is None:
        raise UserError(
            "ax: it has no place in a grid; give one of plt.subplots or figure.add_subplot"
        )
    whole = ax.figure.figure
    # Legends beside panels need it, and panels that are parts of a figure.
    if not isinstance(whole.get_layout_engine(), ConstrainedLayoutEngine):
        whole.set_layout_engine("constrained")
    ax.set_axis_off()
    return ax.figure.add_subfigure(place)
