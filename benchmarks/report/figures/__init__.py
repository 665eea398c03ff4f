"""All figures of a run: one file per group, whose numbers are computed apart from drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, cast

from matplotlib.figure import Figure

from benchmarks.parallel import parallel
from benchmarks.report.figures.abstaining import abstaining_figures
from benchmarks.report.figures.claims import (
    certainty_figures,
    missing_data_figures,
    rank_agreement_figures,
    spread_figures,
)
from benchmarks.report.figures.cost import cost_figures
from benchmarks.report.figures.detection import histogram_figures, roc_figures
from benchmarks.report.figures.drawing import Drawing, in_print, without_formulas
from benchmarks.report.figures.entropy_split import entropy_figures
from benchmarks.report.figures.files import Drawn, svg_and_png, write_figures
from benchmarks.report.figures.reliability import reliability_figures
from benchmarks.report.figures.risk_coverage import risk_coverage_figures
from benchmarks.report.figures.sampling_error import sampling_error_figures
from benchmarks.report.figures.set_coverage import set_coverage_figures
from benchmarks.report.figures.severity import severity_figures
from benchmarks.report.figures.training import training_figures
from benchmarks.report.figures.votes import (
    article_image_figures,
    example_figures,
    high_disagreement_figures,
)
from benchmarks.report.figures.worth import worth_figures
from benchmarks.report.results import Results
from benchmarks.report.style import looks

__all__ = ["GROUPS", "Drawing", "Drawn", "drawn_figures", "figures", "write_figures"]

Group = Callable[..., Iterator[Drawing]]
"""Related figures: those that there are numbers for, from the results of a recipe, the looks of its
methods, and the canvas."""

GROUPS: tuple[Group, ...] = (
    worth_figures,
    severity_figures,
    set_coverage_figures,
    entropy_figures,
    reliability_figures,
    histogram_figures,
    roc_figures,
    risk_coverage_figures,
    abstaining_figures,
    example_figures,
    high_disagreement_figures,
    training_figures,
    cost_figures,
    article_image_figures,
    certainty_figures,
    rank_agreement_figures,
    missing_data_figures,
    spread_figures,
    sampling_error_figures,
)
"""All of them."""


def figures(results: Results, groups: Sequence[Group] = GROUPS) -> Iterator[Drawing]:
    """The figures of some groups, by default of all; ``results`` are those of one recipe."""
    look = looks(results.names, results.largest)
    for group in groups:
        yield from group(results, look)


SECTIONS = {
    "worth": "answer",
    "reliability": "calibration",
    "set-coverage": "calibration",
    "entropy-split": "calibration",
    "histograms": "detection",
    "roc": "detection",
    "risk-coverage": "selective",
    "abstaining": "selective",
    "high-disagreement": "images",
    "training": "training",
    "cost": "cost",
    "sampling-error": "claims",
}
"""The sections of the page where figures stand; others are named by the figure's first word."""


class Share(NamedTuple):
    """What one worker draws: some figures of one recipe, from the results of this.

    Attributes:
        groups: positions in `GROUPS`.
    """

    results: Results
    recipe: str
    groups: range


def drawn_figures(results: Results, jobs: int = 1) -> list[Drawn]:
    """All figures of a run in the order of the page: of its main recipe, and then of others.

    Args:
        results: of all recipes.
        jobs: how many processes draw in parallel.
    """
    count = min(-(-jobs // len(results.recipes)), len(GROUPS))
    shares = [
        Share(
            results.of_recipe(recipe),
            recipe,
            range(first, len(GROUPS), count),
        )
        for recipe in results.recipes
        for first in range(count)
    ]
    drawn = parallel(_draw, shares, stage="report", what="shares of the figures", jobs=jobs)
    placed = {(figure.recipe, group, figure.name): figure for group, figure in chain(*drawn)}
    rank = results.recipes.index
    return [placed[place] for place in sorted(placed, key=lambda one: (rank(one[0]), one[1]))]


def _draw(share: Share) -> list[tuple[int, Drawn]]:
    """The figures of a share, each with the position of its group."""
    with in_print():
        return [
            (group, _drawn(drawing, share))
            for group in share.groups
            for drawing in figures(share.results, GROUPS[group : group + 1])
        ]


def _drawn(drawing: Drawing, share: Share) -> Drawn:
    figure = cast(Figure, drawing.figure)  # each is on a page of its own
    without_formulas(figure)
    name = f"{drawing.name}-{share.recipe}"
    title = " ".join(figure.get_suptitle().split())
    section = SECTIONS.get(drawing.name, drawing.name.partition("-")[0])
    svg, png = svg_and_png(figure, name, title)
    return Drawn(name, title, "", section, share.recipe, svg, png, drawing.numbers)
