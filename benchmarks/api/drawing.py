"""One figure of the report, drawn where a user wants it."""

from __future__ import annotations

from itertools import count, islice

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.api.errors import ArgumentError
from benchmarks.report.figures import GROUPS, figures
from benchmarks.report.figures.drawing import Canvas, Sheet, page, without_formulas
from benchmarks.report.results import Results
from benchmarks.report.style import SETTINGS, looks


def figure_names(results: Results) -> list[str]:
    """The names of a recipe's figures; ``results`` are those of this recipe."""
    with rc_context(SETTINGS):
        return [drawing.name for drawing in figures(results)]


def draw_figure(results: Results, name: str, ax: Axes | None, *, title: bool = True) -> Axes:
    """Draw a figure of a recipe in the place of ``ax``, or on a new figure of pyplot.

    Raises:
        TypeError: ``ax`` is something else.
        ArgumentError: there is no such figure, or ``ax`` has no place in a grid.
    """
    if not isinstance(ax, Axes | None):
        raise TypeError(f"ax: this is a {type(ax).__name__}; expected one Axes of plt.subplots")
    look = looks(results.names, results.shown)
    known: list[str] = []
    with rc_context(SETTINGS):
        for group in GROUPS:
            for position, drawing in enumerate(group(results, look)):
                if drawing.name == name:
                    place = ax or _new_place(drawing.figure)
                    part = _part_of(place)
                    canvas = _canvas(part, position)
                    next(islice(group(results, look, canvas), position, None))
                    without_formulas(part)
                    if not title:
                        part.suptitle("")
                    return place
                known.append(drawing.name)
    raise ArgumentError(f"there is no figure {name!r}; choose from {', '.join(known) or 'none'}")


def _canvas(part: SubFigure, position: int) -> Canvas:
    """The part for the drawing of this position in its group, and pages for those before it."""
    numbers = count()

    def canvas(width: float, height: float) -> Sheet:
        return part if next(numbers) == position else page(width, height)

    return canvas


def _new_place(drawn: Sheet) -> Axes:
    """On a figure of pyplot, which a notebook shows, as large as the page that was drawn."""
    import matplotlib.pyplot as plt  # here: who gives a place needs none of pyplot's figures

    size = drawn.get_size_inches() if isinstance(drawn, Figure) else None
    return plt.subplots(figsize=size, layout="constrained")[1]


def _part_of(ax: Axes) -> SubFigure:
    """A part of the figure in the place of ``ax``, which itself is then not seen."""
    place = ax.get_subplotspec()
    if place is None:
        raise ArgumentError(
            "ax: it has no place in a grid; give one of plt.subplots or figure.add_subplot"
        )
    figure = ax.figure
    whole = figure.figure
    # Legends beside panels need it, and panels that are parts of a figure.
    if not isinstance(whole.get_layout_engine(), ConstrainedLayoutEngine):
        whole.set_layout_engine("constrained")
    ax.set_axis_off()
    return figure.add_subfigure(place)
