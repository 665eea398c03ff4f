"""Every figure: a family a file, in which computing the numbers and drawing them are apart."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.figures.claims import (
    certainty_figures,
    count_plot_figures,
    missing_data_figures,
    rank_agreement_figures,
)
from benchmarks.report.figures.cost import cost_figures
from benchmarks.report.figures.detection import histogram_figures, roc_figures
from benchmarks.report.figures.drawing import Drawing
from benchmarks.report.figures.entropy_split import entropy_figures
from benchmarks.report.figures.reliability import reliability_figures
from benchmarks.report.figures.rotation import rotation_figures
from benchmarks.report.figures.sampling import monte_carlo_figures, spread_figures
from benchmarks.report.figures.selection import risk_coverage_figures
from benchmarks.report.figures.training import training_figures
from benchmarks.report.figures.votes import disputed_figures, rotated_digit_figures
from benchmarks.report.results import Results
from benchmarks.report.style import looks

__all__ = ["FAMILIES", "Drawing", "figures"]

FAMILIES = (
    rotation_figures,
    entropy_figures,
    reliability_figures,
    histogram_figures,
    roc_figures,
    risk_coverage_figures,
    rotated_digit_figures,
    disputed_figures,
    training_figures,
    cost_figures,
    count_plot_figures,
    certainty_figures,
    rank_agreement_figures,
    missing_data_figures,
    monte_carlo_figures,
    spread_figures,
)
"""Each gives the figures that there is something to draw of, from the results of one recipe."""


def figures(results: Results) -> Iterator[Drawing]:
    """Every figure of a recipe; ``results`` are those of this recipe."""
    look = looks(results.shown)
    for family in FAMILIES:
        yield from family(results, look)
