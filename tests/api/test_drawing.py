"""Any figure in a place that the user gives: the same panels and numbers, inside of that place."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure

from benchmarks.api import ArgumentError
from benchmarks.report.figures import draw_figure, figure_names
from tests.api.conftest import Kept

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def pages(kept: Kept) -> dict[str, Figure]:
    """Every figure as the report draws it."""
    assert kept.results.report is not None
    of_recipe = kept.results.report.of_recipe("standard")
    return {name: draw_figure(of_recipe, name).figure for name in figure_names(of_recipe)}


def points(axes: list) -> list[list[float]]:
    """What lines and bars show, panel by panel."""
    return [
        [*(x for line in ax.lines for x in np.ravel(line.get_xydata())), len(ax.patches)]
        for ax in axes
    ]


def test_figures_are_those_of_the_report(kept: Kept, pages: dict[str, Figure]) -> None:
    assert kept.results.figures() == list(pages)
    assert {"rotated", "reliability", "entropy-split", "training"} <= set(pages)


@pytest.mark.parametrize(
    "name", ["rotated", "reliability", "rotated-votes", "training", "entropy-split"]
)
def test_figure_fills_the_place_of_an_axes(name: str, kept: Kept, pages: dict[str, Figure]) -> None:
    figure = Figure(figsize=(14, 6))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1])
    before = dict(rcParams)
    assert kept.results.plot(name, ax=right) is right
    assert dict(rcParams) == before
    (part,) = figure.subfigs
    np.testing.assert_array_equal(
        np.concatenate(points(part.axes)), np.concatenate(points(pages[name].axes))
    )
    figure.draw_without_rendering()
    assert left.lines
    middle = figure.bbox.width / 2
    for ax in part.axes:
        box = ax.get_tightbbox()
        assert box is None or box.x0 > middle - 0.03 * figure.bbox.width


def test_title_can_be_left_to_a_caption(kept: Kept) -> None:
    for title in (True, False):
        figure = Figure(figsize=(7, 4))
        kept.results.plot("rotated", ax=figure.subplots(), title=title)
        assert bool(figure.subfigs[0].get_suptitle()) == title


def test_unknown_figure_recipe_and_free_axes_are_named(kept: Kept) -> None:
    with pytest.raises(ArgumentError, match="no figure 'worths'; choose from abstaining, "):
        kept.results.plot("worths")
    with pytest.raises(ArgumentError, match="recipe: unknown name 'plane'; choose from standard"):
        kept.results.plot("rotated", recipe="plane")
    with pytest.raises(TypeError, match=r"ax: this is a ndarray; expected one Axes"):
        kept.results.plot("rotated", ax=Figure().subplots(1, 2))
    free = Figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ArgumentError, match="ax: it has no place in a grid"):
        kept.results.plot("rotated", ax=free)
