"""Any figure in a place that the user gives: the same panels and numbers, inside of that place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure, SubFigure

from benchmarks.api import ArgumentError, BenchmarkResults, load_results
from benchmarks.report.figures import draw_figure, figure_names

pytestmark = pytest.mark.slow


@pytest.fixture
def results(digits_run: Path) -> BenchmarkResults:
    return load_results(digits_run / "out")


def points(figure: Figure | SubFigure) -> np.ndarray:
    """What lines and bars show, panel by panel."""
    return np.concatenate(
        [
            [*(x for line in ax.lines for x in np.ravel(line.get_xydata())), len(ax.patches)]
            for ax in figure.axes
        ]
    )


@pytest.mark.parametrize("name", ["rotated", "reliability", "conditions"])
def test_figure_fills_the_place_of_an_axes(name: str, results: BenchmarkResults) -> None:
    assert results.report is not None
    assert name in results.figures()
    assert results.figures() == list(figure_names(results.report))
    figure = Figure(figsize=(14, 6))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1])
    before = dict(rcParams)
    assert results.plot(name, ax=right) is right
    assert dict(rcParams) == before
    (part,) = figure.subfigs
    on_page = draw_figure(results.report, name).figure
    np.testing.assert_array_equal(points(part), points(on_page))
    figure.draw_without_rendering()
    assert left.lines
    middle = figure.bbox.width / 2
    for ax in part.axes:
        box = ax.get_tightbbox()
        assert box is None or box.x0 > middle - 0.03 * figure.bbox.width


def test_unknown_figure_and_free_axes_are_named(results: BenchmarkResults) -> None:
    with pytest.raises(ArgumentError, match="no figure 'worths'; choose from abstaining, "):
        results.plot("worths")
    with pytest.raises(TypeError, match=r"ax: this is a ndarray; expected one Axes"):
        results.plot("rotated", ax=Figure().subplots(1, 2))
    free = Figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ArgumentError, match="ax: it has no place in a grid"):
        results.plot("rotated", ax=free)
