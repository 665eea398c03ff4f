"""What sampling changes, in a table and a figure, from the files of a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.report.figures import sampling_error
from benchmarks.report.results import Results
from benchmarks.report.tables.exact import exact_tables
from benchmarks.report.tables.formats import as_frame, markdown
from benchmarks.schema import where


@pytest.fixture(scope="module")
def results(make_run) -> Results:  # type: ignore[no-untyped-def]
    folder: Path = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"), conditions=("clean", "rotated-045")
    )
    return Results.load(folder).of_recipe("standard")


def test_table_has_paired_differences_of_every_size(results: Results) -> None:
    (table,) = exact_tables(results, "standard")
    text = markdown(table)
    assert "MC-dropout with T passes, less the same with all masks" in text
    assert "2 networks, 40 images per condition" in text
    frame = as_frame(table)
    assert list(frame["Passes"]) == ["T = 3", "T = 8"] * 2
    errors = results.curve("sampling_error")
    (line,) = where(
        errors, members="8", condition="subset-rotated-045", measure="predictive_entropy"
    ).to_dict("records")
    cell = table.rows[-1].cells[table.headings.index("Predictive\nentropy\n(nats)")]
    assert cell.value == line["difference"]
    assert cell.half_width == pytest.approx((line["upper"] - line["lower"]) / 2)


def test_figure_has_each_condition_and_the_slope_of_chance(results: Results) -> None:
    (drawing,) = sampling_error.sampling_error_figures(results, {})
    assert [ax.get_title() for ax in drawing.figure.axes] == ["Clean, subset", "45°, subset"]
    labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert labels[0] == "Share of votes for a class"
    assert labels[-1] == "Slope of 1/√T"


def test_dashed_line_falls_with_the_square_root_to_the_last_point(results: Results) -> None:
    errors = pd.DataFrame({"measure": "votes", "members": ["1", "100"], "rms_error": [0.25, 0.04]})
    ax = sampling_error.draw_errors(Figure().subplots(), results.names, errors)
    measured, ideal, _ = ax.lines
    assert list(measured.get_ydata()) == [0.25, 0.04]
    assert list(ideal.get_ydata()) == pytest.approx([0.4, 0.04])


def test_earlier_runs_have_neither(reported: Path) -> None:
    results = Results.load(reported)
    assert list(exact_tables(results, "standard")) == []
    assert list(sampling_error.sampling_error_figures(results, {})) == []
