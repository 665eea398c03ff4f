"""What is said of training budgets: questions over all recipes, the table and the figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.answer.answer import answer
from benchmarks.report.answer.decision import Decision, decisions, networks_of
from benchmarks.report.figures.engine import View
from benchmarks.report.figures.spending import (
    LONGER,
    MORE,
    looks_of_ways,
    spending,
    title,
)
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.table import BEST
from tests.made_up import LATENCY, make_up, write_latency
from tests.report.support import table_named
from tests.runs import built_once

LONG, HALF = "well-trained-50-epochs", "well-trained-5-epochs"
DROPOUT = "well-trained-dropout"


def _make(folder: Path) -> None:
    out = make_up(
        folder,
        recipes=("well-trained", HALF, LONG, "bagged", DROPOUT),
        methods=("softmax", "deep_ensemble", "snapshot_ensemble", "mc_dropout_ensemble"),
        in_depth=("well-trained", LONG),
        conditions=("rotated-030",),
        members=(1, 2, 5, 10),
        pool=None,
        custom=True,  # what trains itself has no known budget, and answers no such question
    )
    sizes = {"softmax": [1], "deep_ensemble": [2, 5, 10]}
    timed = [
        replace(LATENCY, method=method, members=str(size), p50_ms=0.2 * size)
        for method, own in sizes.items()
        for size in own
    ]
    write_latency(timed, out)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results.load(built_once("budgets", _make, tmp_path_factory) / "out")


@pytest.fixture(scope="module")
def of_compute(results: Results) -> list[Decision]:
    return [decision for decision in decisions(results) if decision.question.compute]


FIVE, SINGLE = Candidate("well-trained", "deep_ensemble", "5"), Candidate(LONG, "softmax", "1")
ALL_THAT_COST_ONE = {
    Candidate("well-trained", "softmax", "1"),
    Candidate("bagged", "softmax", "1"),
    Candidate(DROPOUT, "softmax", "1"),
    Candidate("well-trained", "snapshot_ensemble", "5"),
    Candidate(HALF, "deep_ensemble", "2"),
}
ALL_THAT_COST_FIVE = {
    Candidate(LONG, "softmax", "1"),
    Candidate(LONG, "snapshot_ensemble", "5"),
    Candidate("well-trained", "deep_ensemble", "5"),
    Candidate("bagged", "deep_ensemble", "5"),
    Candidate(DROPOUT, "deep_ensemble", "5"),
    Candidate(DROPOUT, "mc_dropout_ensemble", "5"),
    Candidate(HALF, "deep_ensemble", "10"),
}


def test_candidates_of_a_budget_are_of_all_recipes(of_compute: list[Decision]) -> None:
    clean = {d.question.compute: set(d.candidates) for d in of_compute if d.standings}
    assert clean == {1.0: ALL_THAT_COST_ONE, 5.0: ALL_THAT_COST_FIVE}


def test_every_pair_of_a_budget_is_compared(results: Results) -> None:
    rows = results.comparisons[results.comparisons["question"] == "budget-five-clean"]
    count = len(ALL_THAT_COST_FIVE)
    assert set(rows.groupby("metric").size()) == {count * (count - 1) // 2}
    assert (rows["recipe"] != rows["other_recipe"]).any()


def test_the_network_alone_is_that_of_the_whole_budget(of_compute: list[Decision]) -> None:
    alone = {d.question.compute: d.baseline for d in of_compute if d.standings}
    assert alone == {
        1.0: Candidate("well-trained", "softmax", "1"),
        5.0: Candidate(LONG, "softmax", "1"),
    }


def test_table_has_a_row_for_each_way_with_its_networks_and_epochs(results: Results) -> None:
    table = table_named(results, "spending")
    trained = [(row.group, row.labels[0], row.cells[0].text) for row in table.rows]
    assert sorted(trained) == sorted(
        [
            ("1 network", "Softmax (well-trained)", "1 × 10"),
            ("1 network", "Softmax (bagged)", "1 × 10"),
            ("1 network", f"Softmax ({DROPOUT})", "1 × 10"),
            ("1 network", "Snapshots (M = 5, well-trained)", "1 × 10"),
            ("1 network", f"Deep ensemble (M = 2, {HALF})", "2 × 5"),
            ("5 networks", f"Softmax ({LONG})", "1 × 50"),
            ("5 networks", f"Snapshots (M = 5, {LONG})", "1 × 50"),
            ("5 networks", "Deep ensemble (M = 5, well-trained)", "5 × 10"),
            ("5 networks", "Deep ensemble (M = 5, bagged)", "5 × 10"),
            ("5 networks", f"Deep ensemble (M = 5, {DROPOUT})", "5 × 10"),
            ("5 networks", f"MC-dropout ensemble (M = 5, {DROPOUT})", "5 × 10"),
            ("5 networks", f"Deep ensemble (M = 10, {HALF})", "10 × 5"),
        ]
    )
    for budget in ("1 network", "5 networks"):
        (nll,) = (i for i, name in enumerate(table.headings) if name == "NLL ↓\nClean")
        cells = [row.cells[nll] for row in table.rows if row.group == budget]
        assert [cell.value for cell in cells] == sorted(cell.value for cell in cells)
        assert [cell.verdict == BEST for cell in cells].count(True) == 1


def test_budget_is_a_column_of_the_measurements(results: Results) -> None:
    by_recipe = results.summary.groupby("recipe")["budget"].unique().map(list).to_dict()
    whole = ("well-trained", "bagged", DROPOUT, "self-trained")
    expected = {recipe: [1.0] for recipe in whole} | {HALF: [0.5], LONG: [5.0]}
    assert by_recipe == expected
    assert networks_of(results, Candidate(HALF, "deep_ensemble", "10")) == 5.0


@pytest.fixture(scope="module")
def view(results: Results) -> View:
    return View(results.for_recipe("well-trained"), {})


def test_figure_has_each_way_against_compute_and_time(view: View, results: Results) -> None:
    rows, _ = spending(view)
    clean = rows[(rows["metric"] == "nll") & (rows["condition"] == "clean")]
    compute = clean[clean["by"] == "compute"].set_index("way")
    assert dict(compute.loc[LONGER, ["recipe", "cost"]].to_numpy()) == {
        HALF: 0.5,
        "well-trained": 1.0,
        LONG: 5.0,
    }
    assert dict(compute.loc[MORE, ["members", "cost"]].to_numpy()) == {
        **{"1": 1, "2": 2},  # the network alone is the first point of both lines
        **{"5": 5, "10": 10},
    }
    snapshots = compute.loc["Snapshots, well-trained"]
    assert dict(snapshots[["recipe", "cost"]].to_numpy()) == {"well-trained": 1.0, LONG: 5.0}
    timed = clean[clean["by"] == "milliseconds"].set_index("way")
    assert dict(timed.loc[MORE, ["members", "cost"]].to_numpy()) == pytest.approx(
        {"1": 0.2, "2": 0.4, "5": 1.0, "10": 2.0}
    )
    assert timed.loc[LONGER, "recipe"] == LONG  # of the largest budget alone
    assert set(timed.index) == {LONGER, MORE} | {
        f"Deep ensemble, {recipe}" for recipe in (HALF, "bagged", DROPOUT)
    }
    for row in rows.to_dict("records"):
        choice = Candidate(row["recipe"], row["method"], row["members"])
        known = results.value(choice, Quantity(row["condition"], row["metric"]))
        assert known is not None
        assert row["value"] == known["value"]


def test_no_two_ways_look_alike(view: View) -> None:
    looks = looks_of_ways(view, spending(view).rows)
    assert len({(look.color, look.marker, look.filled) for look in looks.values()}) == len(looks)


def test_title_counts_by_which_measures_the_lines_are_tied_with_the_best(
    view: View, results: Results, of_compute: list[Decision]
) -> None:
    every = [
        standings
        for decision in of_compute
        if decision.question.compute == 5.0
        for standings in decision.standings.values()
    ]
    more, longer = (sum(known[choice].is_tied for known in every) for choice in (FIVE, SINGLE))
    assert title(view, spending(view).rows) == (
        "Of what the training of 5 networks buys, Deep ensemble (M = 5, well-trained) is tied with "
        f"the best by {more} of {len(every)} measures, Softmax ({LONG}) by {longer}"
    )
    assert answer(results)["budget"] == f"{title(view, spending(view).rows)}."
    assert answer(results.for_recipe("bagged"))["budget"] == ""
