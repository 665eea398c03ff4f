"""What sampling changes, in a table and a figure, from the files of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.report.figures import draw_figure, figure_names
from benchmarks.report.results import Results
from tests.report.support import made_table


@pytest.fixture(scope="module")
def results(make_run) -> Results:  # type: ignore[no-untyped-def]
    folder: Path = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"), conditions=("clean", "rotated-045")
    )
    return Results.load(folder).of_recipe("standard")


def test_figure_has_each_condition_and_the_slope_of_chance(results: Results) -> None:
    drawing = draw_figure(results, "sampling-error")
    assert [ax.get_title() for ax in drawing.figure.axes] == ["Clean, subset", "45°, subset"]
    labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert labels[0] == "Share of votes for a class"
    assert labels[-1] == "Slope of 1/√T"
    ax = drawing.figure.axes[0]
    (measured,) = [line for line in ax.lines if line.get_label() == labels[0]]
    ideals = [line for line in ax.lines if line.get_label().startswith("_")]
    falling = measured.get_ydata()[-1] * np.array([8 / 3, 1]) ** 0.5
    assert any(np.allclose(line.get_ydata(), falling) for line in ideals)


def test_earlier_runs_have_neither(reported: Path) -> None:
    results = Results.load(reported)
    assert made_table(results, "exact") is None
    assert "sampling-error" not in figure_names(results)
