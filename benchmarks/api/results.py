"""What a run or a scoring has found, as tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TypeVar

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.api.arguments import ArgumentError, as_library
from benchmarks.files import path_of
from benchmarks.report.figures import GROUPS, figures
from benchmarks.report.figures.drawing import Canvas, Sheet, page, without_formulas
from benchmarks.report.read.files import read_if_there
from benchmarks.report.results import Results
from benchmarks.report.style import SETTINGS, looks
from benchmarks.run.failure import Failure
from benchmarks.vocabulary import MEASUREMENTS_CSV, SUMMARY_CSV

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False, repr=False)
class BenchmarkResults:
    """The tables and figures of a run, or of predictions that were scored.

    Attributes:
        report: what the figures are drawn from; ``None`` where nothing was measured.
        rows: the table `measurements`; ``None`` likewise.
        failures: what could not be computed, and why; everything else is there.
    """

    report: Results | None = None
    rows: pd.DataFrame | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def measurements(self) -> pd.DataFrame:
        """Every value: a row a method, size, replicate, condition and metric.

        Raises:
            ArgumentError: nothing was measured; likewise all that follows.
        """
        return _required(self.rows)

    @property
    def summary(self) -> pd.DataFrame:
        """The means over replicates, with their 95 % intervals from ``lower`` to ``upper``."""
        return self._measured.summary

    @property
    def comparisons(self) -> pd.DataFrame:
        """The paired differences between methods, with intervals and corrected p-values.

        Those by scores beside the primary one are among them. Empty where there is a single method.
        """
        return self._measured.comparisons

    @property
    def worth(self) -> pd.DataFrame:
        """How large an ensemble does as well as each method; empty without ensembles."""
        return self._measured.worth

    @property
    def recipes(self) -> tuple[str, ...]:
        """How networks were trained, the main recipe first."""
        return self._measured.recipes

    def figures(self, recipe: str | None = None) -> list[str]:
        """The names of the figures that there are numbers for.

        Args:
            recipe: one of `recipes`; by default the first.
        """
        return figure_names(self._of_recipe(recipe))

    @as_library()
    def plot(
        self,
        name: str,
        *,
        ax: Axes | None = None,
        recipe: str | None = None,
        title: bool = True,
    ) -> Axes:
        """Draw a figure, as a run writes it.

        Args:
            name: one of `figures`.
            ax: the place, of ``plt.subplots`` or ``figure.add_subplot``, which the figure fills
                with all its panels; its own figure then has a constrained layout. By default a new
                one of pyplot.
            recipe: one of `recipes`; by default the first.
            title: whether the finding is written above the figure; a caption may say it instead.

        Returns:
            The place, ``ax`` if it was given.

        Raises:
            ArgumentError: there is no such figure or recipe, or ``ax`` has no place in a grid.
        """
        return draw_figure(self._of_recipe(recipe), name, ax, title=title)

    def __repr__(self) -> str:
        if self.report is None:
            return "BenchmarkResults(nothing was measured)"
        methods, conditions = len(self.report.variants), len(self.report.conditions)
        return f"BenchmarkResults({methods} methods and sizes, {conditions} conditions)"

    @property
    def _measured(self) -> Results:
        return _required(self.report)

    def _of_recipe(self, recipe: str | None) -> Results:
        results = self._measured
        chosen = recipe or results.recipes[0]
        if chosen not in results.recipes:
            raise ArgumentError(
                f"recipe: unknown name {chosen!r}; choose from {', '.join(results.recipes)}"
            )
        return results.of_recipe(chosen)


def _required(value: Found | None) -> Found:
    if value is None:
        raise ArgumentError(
            "nothing was measured, so there are no tables and figures; run the stages train, "
            "predict and measure"
        )
    return value


@as_library()
def load_results(folder: str | Path) -> BenchmarkResults:
    """The results of a run that was written, such as ``results/article``.

    Raises:
        ArgumentError: there is no such folder, it holds no measured run, or a file is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ArgumentError(f"folder {path}: there is no such folder; name that of a run")
    return BenchmarkResults(Results.load(path), read_if_there(path, MEASUREMENTS_CSV))


def results_in(folder: Path, failures: tuple[Failure, ...]) -> BenchmarkResults:
    """The results of the stages that were run, of which none may have measured."""
    if not path_of(folder, SUMMARY_CSV).exists():
        return BenchmarkResults(failures=failures)
    return BenchmarkResults(Results.load(folder), read_if_there(folder, MEASUREMENTS_CSV), failures)


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
