"""All figures: one file per group, in which numbers are computed separately from drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.report.figures.abstaining import abstaining_figures
from benchmarks.report.figures.claims import (
    certainty_figures,
    missing_data_figures,
    rank_agreement_figures,
    spread_figures,
)
from benchmarks.report.figures.cost import cost_figures
from benchmarks.report.figures.detection import histogram_figures, roc_figures
from benchmarks.report.figures.drawing import Drawing
from benchmarks.report.figures.entropy_split import entropy_figures
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

__all__ = ["GROUPS", "Drawing", "figures"]

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
