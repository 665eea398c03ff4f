"""The report of the committed results of the preset quick: the whole, and what it spends time on.

It has no naive counterpart; the parts tell where a slower report got slower.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib import rc_context

from benchmarks.report import write_report
from benchmarks.report.figures import Drawing, figures
from benchmarks.report.results import Results
from benchmarks.report.style import SETTINGS
from benchmarks.report.tables.quality import quality_tables
from benchmarks.report.tables.text.formats import markdown
from benchmarks.report.tables.text.latex import latex

QUICK = Path(__file__).parents[2] / "results" / "quick"
RECIPE = "standard"

Measure = Callable[..., None]


@pytest.fixture(scope="module")
def results() -> Results:
    return Results.load(QUICK).of_recipe(RECIPE)


@pytest.mark.benchmark(group="report of results/quick")
class TestReport:
    def test_reading(self, measure: Measure) -> None:
        measure(lambda: Results.load(QUICK).of_recipe(RECIPE), rounds=1)

    def test_tables(self, results: Results, measure: Measure) -> None:
        def work() -> list[str]:
            made = quality_tables(results, RECIPE)
            return [text for table in made for text in (markdown(table), latex(table))]

        measure(work, rounds=1)

    def test_figures_not_saved(self, results: Results, measure: Measure) -> None:
        def work() -> list[Drawing]:
            with rc_context(SETTINGS):
                return list(figures(results))

        measure(work, rounds=1)

    def test_whole(self, tmp_path: Path, measure: Measure) -> None:
        folder = tmp_path / "quick"
        shutil.copytree(QUICK, folder)
        measure(lambda: write_report(folder), rounds=1)
