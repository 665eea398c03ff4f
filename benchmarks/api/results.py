"""What a run or a scoring has found, as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.api.arguments import ArgumentError, as_library
from benchmarks.io import path_of
from benchmarks.report.figures import Choice, figure_names, one_figure
from benchmarks.report.results import Results, read_if_there
from benchmarks.run.workspace import Failure
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
        methods: Sequence[str] = (),
        metrics: Sequence[str] = (),
        conditions: Sequence[str] = (),
        title: bool = True,
    ) -> Axes:
        """Draw a figure, as a run writes it.

        Args:
            name: one of `figures`.
            ax: the place, of ``plt.subplots`` or ``figure.add_subplot``, which the figure fills
                with all its panels; its own figure then has a constrained layout. By default a new
                one of pyplot.
            recipe: one of `recipes`; by default the first.
            methods: those to show, of a certain size as ``mc_dropout-50``; by default all.
            metrics, conditions: those to show; by default what the figure shows by itself.
            title: whether the finding is written above the figure; a caption may say it instead.

        Returns:
            ``ax`` if it was given, else the first panel.

        Raises:
            ArgumentError: there is no such figure, recipe, method, metric or condition, or ``ax``
                has no place in a grid.
        """
        choice = Choice(methods, metrics, conditions)
        return draw_figure(self._of_recipe(recipe), name, choice, ax, title=title)

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


def draw_figure(
    results: Results, name: str, choice: Choice, ax: Axes | None, *, title: bool
) -> Axes:
    """Draw a figure of a recipe in the place of ``ax``, or on a new figure of pyplot.

    Raises:
        TypeError: ``ax`` is something else.
        ArgumentError: there is no such figure, or ``ax`` has no place in a grid.
    """
    if not isinstance(ax, Axes | None):
        raise TypeError(f"ax: this is a {type(ax).__name__}; expected one Axes of plt.subplots")

    def canvas(width: float, height: float) -> Figure | SubFigure:
        if ax is not None:
            return _part_of(ax)
        import matplotlib.pyplot as plt  # here: who gives a place needs none of pyplot's figures

        return plt.figure(figsize=(width, height), layout="constrained")

    drawn = one_figure(results, name, choice, canvas, titled=title)
    return ax or drawn.figure.axes[0]


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
