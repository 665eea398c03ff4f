"""The table and the figure of worth in networks, from rows as a run writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report.figures import draw_figure, figure_names
from benchmarks.report.results import Results
from benchmarks.report.tables.table import as_frame, markdown
from benchmarks.schema import WorthRow
from tests.report.support import made_table, table_named

ROW = WorthRow(
    *("standard", "softmax", "1", "clean", "", "accuracy", "standard", "deep_ensemble"),
    *("1", "<1", "1.9"),
    images=80,
)

ROWS = [
    ROW,
    replace(
        ROW, method="mc_dropout", members="8", worth="2.5", worth_lower="1.1", worth_upper=">4"
    ),
    replace(ROW, method="mc_dropout", members="8", metric="nll", worth=">4", worth_lower="3"),
    replace(
        ROW,
        metric="nll",
        worth="",
        worth_lower="",
        worth_upper="",
        status="undefined",
        reason="why",
    ),
    replace(ROW, ensemble_recipe="plain", worth="<1", worth_upper="<1"),
]


@pytest.fixture
def results(reported: Path) -> Results:
    of_recipe = Results.load(reported).of_recipe("standard")
    return replace(of_recipe, worth=pd.DataFrame([vars(row) for row in ROWS]))


def test_further_scores_have_a_table_of_their_own(results: Results) -> None:
    ood = replace(ROW, condition="ood-uniform_noise", metric="auroc", worth="3.5")
    rows = [ROW, replace(ood, score="knn"), replace(ood, score="energy", worth="1.2")]
    scored = replace(results, worth=pd.DataFrame([vars(row) for row in rows]))
    assert table_named(scored, "worth").headings == ("Accuracy ↑",)
    table = table_named(scored, "worth-scores")
    text = markdown(table)
    assert text.index("| Softmax | Energy | 1.2 (") < text.index("| Softmax | k-th neighbour | 3.5")
    assert "by AUROC" in table.caption
    assert "primary score" in text


def test_cells_are_numbers_with_their_intervals_or_reasons(results: Results) -> None:
    table = table_named(results, "worth")
    text = markdown(table)
    assert "| Softmax | standard | 1 (&lt;1–1.9) | — |" in text
    assert "| MC-dropout, T = 8 | standard | 2.5 (1.1–&gt;4) | &gt;4 (3–1.9) |" in text
    assert "| Softmax | plain | &lt;1 (&lt;1–&lt;1) | — |" in text
    assert "— undefined: why" in text
    frame = as_frame(table)
    assert frame[frame["Method"] == "MC-dropout, T = 8"].iloc[0]["Accuracy ↑"] == "2.5 (1.1–>4)"


def test_condition_without_any_number_is_left_out(results: Results) -> None:
    without = replace(ROW, worth="", status="undefined", reason="no gain", condition="rotated-mean")
    worth = pd.DataFrame([vars(one) for one in (*ROWS, without)])
    assert list(table_named(replace(results, worth=worth), "worth").groups) == ["Clean"]


def test_table_has_the_main_measures_and_those_that_answers_are_judged_by(results: Results) -> None:
    by_score = replace(ROW, score="predictive_entropy")
    further = [*ROWS, *(replace(by_score, metric=name) for name in ("fpr95", "augrc", "auroc"))]
    worth = pd.DataFrame([vars(row) for row in further])
    table = table_named(replace(results, worth=worth), "worth")
    assert table.headings == ("Accuracy ↑", "NLL ↓", "AUROC ↑", "AUGRC ↓")


def test_without_ensembles_of_several_sizes_there_is_neither(results: Results) -> None:
    without = replace(results, worth=pd.DataFrame())
    assert made_table(without, "worth") is made_table(without, "worth-scores") is None
    assert "worth" not in figure_names(without)


def test_figure_shows_a_method_in_ensembles_of_its_own_recipe(results: Results) -> None:
    drawing = draw_figure(results, "worth")
    assert set(drawing.numbers["ensemble_recipe"]) == {"standard"}
    assert set(drawing.numbers["status"]) == {"ok"}
    titles = [ax.get_title() for ax in drawing.figure.axes]
    assert titles == ["Accuracy ↑\nClean", "NLL ↓\nClean"]
    accuracy, nll = drawing.figure.axes
    assert [text.get_text() for text in accuracy.get_yticklabels()] == [
        *("Softmax", "MC-dropout, T = 8")
    ]
    assert [text.get_text() for text in accuracy.get_xticklabels()] == ["less", "1", "2", "more"]
    missing = [(text.get_text(), text.get_position()[1]) for text in nll.texts]
    assert (accuracy.texts[:], missing) == ([], [("n/a", 0)])
    # Beyond the sizes: an arrow at the end of the axis, as far as the open end of an interval.
    (of_nll,) = [line for line in nll.get_lines() if line.get_marker() == ">"]
    small = {line.get_marker() for line in accuracy.get_lines() if line.get_markersize() == 2.5}
    assert small == {"<", ">"}
    ends = [line for line in accuracy.get_lines() if line.get_marker() == "None"]
    assert of_nll.get_xdata()[0] == max(line.get_xdata()[1] for line in ends)
