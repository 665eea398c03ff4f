"""What is said of training budgets: questions over all recipes, the table and the figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from benchmarks.report.answer.answer import answer, on_budgets, worth_of_one_training
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
        methods=(
            *("softmax", "deep_ensemble", "snapshot_ensemble", "mc_dropout_ensemble"),
            *("packed_ensemble", "evidential"),
        ),
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
    Candidate("well-trained", "packed_ensemble", "4"),
    Candidate("well-trained", "evidential", "1"),
    Candidate(HALF, "deep_ensemble", "2"),
}
ALL_THAT_COST_FIVE = {
    Candidate(LONG, "softmax", "1"),
    Candidate(LONG, "snapshot_ensemble", "5"),
    Candidate(LONG, "packed_ensemble", "4"),
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


def test_table_of_ranks_has_the_values_of_all_recipes(results: Results) -> None:
    rows = table_named(results, "ranks").rows
    of_budgets = [row for row in rows if row.group.startswith("I spend")]
    assert any(LONG in row.labels[1] for row in of_budgets)
    assert [row for row in of_budgets if row.cells[0].status != "ok"] == []


def test_table_has_a_row_for_each_way_with_its_networks_and_epochs(results: Results) -> None:
    table = table_named(results, "spending")
    trained = [(row.group, row.labels[0], row.cells[0].text) for row in table.rows]
    assert sorted(trained) == sorted(
        [
            ("1 network", "Softmax (well-trained)", "1 × 10"),
            ("1 network", "Softmax (bagged)", "1 × 10"),
            ("1 network", f"Softmax ({DROPOUT})", "1 × 10"),
            ("1 network", "Snapshots (M = 5, well-trained)", "1 × 10"),
            ("1 network", "Packed ensemble (M = 4, well-trained)", "1 × 10"),
            ("1 network", "Evidential deep learning (well-trained)", "1 × 10"),
            ("1 network", f"Deep ensemble (M = 2, {HALF})", "2 × 5"),
            ("5 networks", f"Softmax ({LONG})", "1 × 50"),
            ("5 networks", f"Snapshots (M = 5, {LONG})", "1 × 50"),
            ("5 networks", f"Packed ensemble (M = 4, {LONG})", "1 × 50"),
            ("5 networks", "Deep ensemble (M = 5, well-trained)", "5 × 10"),
            ("5 networks", "Deep ensemble (M = 5, bagged)", "5 × 10"),
            ("5 networks", f"Deep ensemble (M = 5, {DROPOUT})", "5 × 10"),
            ("5 networks", f"MC-dropout ensemble (M = 5, {DROPOUT})", "5 × 10"),
            ("5 networks", f"Deep ensemble (M = 10, {HALF})", "10 × 5"),
        ]
    )
    nll, worth = map(table.headings.index, ("NLL ↓\nClean", "Worth ↑"))
    for budget in ("1 network", "5 networks"):
        rows = [row.cells for row in table.rows if row.group == budget]
        order = [(-cells[worth].value, cells[nll].value) for cells in rows]
        assert order == sorted(order)
        assert [cells[nll].verdict == BEST for cells in rows].count(True) == 1


def test_worth_of_a_budget_is_in_ensembles_of_the_first_recipe(results: Results) -> None:
    assert worth_of_one_training(results) == ""  # by made-up predictions more networks gain nothing
    known = results.worth.assign(status="ok", reason="", worth="1.5", worth_lower="1.2")
    two = (known["recipe"] == HALF) & (known["members"] == "2")
    known.loc[two, "worth"] = "1.9"
    known.loc[known["ensemble_recipe"] != "well-trained", "worth"] = ">10"
    told = replace(results, worth=known.assign(worth_upper="2.4"))
    table = table_named(told, "spending")
    worth = {row.labels[0]: row.cells[table.headings.index("Worth ↑")].text for row in table.rows}
    assert worth["Deep ensemble (M = 5, well-trained)"] == "5"
    assert worth["Packed ensemble (M = 4, well-trained)"] == "1.5 (1.2–2.4)"
    assert worth[f"Deep ensemble (M = 2, {HALF})"] == "1.9 (1.2–2.4)"
    count = len(ALL_THAT_COST_ONE)
    said = (
        "Of {} ways to spend the training of one network, {} worth more than it by the 95 % "
        f"limits; Deep ensemble (M = 2, {HALF}) is worth most, {{}} networks."
    )
    assert worth_of_one_training(told) == said.format(count, f"{count} are", "1.9 (1.2–2.4)")
    none = replace(told, worth=told.worth.assign(worth_lower="<1"))
    assert worth_of_one_training(none) == said.format(count, "none is", "1.9 (<1 to 2.4)")
    assert answer(told)["budget"] == f"{on_budgets(told)} {worth_of_one_training(told)}"


def test_members_of_methods_are_told_by_how_much_they_differ(results: Results) -> None:
    table = table_named(results, "members")
    methods = [row.labels[0] for row in table.rows]
    several = ["Deep ensemble, M = 10", "Deep ensemble, M = 5", "Deep ensemble, M = 2"]
    others = {"Snapshots, M = 5", "Packed ensemble, M = 4", "my_method, M = 5"}
    assert set(methods) == {*several, *others}
    information = [row.cells[-1].value for row in table.rows]
    assert information == sorted(information, reverse=True)
    assert table.headings[-1] == "Mutual information\n30°"
    quantity = Quantity("rotated-030", "mutual_information")
    row = results.value(Candidate("well-trained", "packed_ensemble", "4"), quantity)
    assert row is not None
    assert information[methods.index("Packed ensemble, M = 4")] == row["value"]


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


def test_methods_with_a_network_of_their_own_have_a_figure_of_their_own(view: View) -> None:
    own, others = spending(view, own=True).rows, spending(view).rows
    beside = {f"{name}, well-trained" for name in ("Packed ensemble", "Evidential deep learning")}
    assert set(own["way"]) == beside | {LONGER, MORE}
    assert beside.isdisjoint(others["way"])
    lines = [
        rows[rows["way"].isin([LONGER, MORE])].reset_index(drop=True) for rows in (own, others)
    ]
    assert_frame_equal(*lines)


@pytest.mark.parametrize("own", [False, True])
def test_no_two_ways_look_alike(view: View, own: bool) -> None:
    looks = looks_of_ways(view, spending(view, own=own).rows)
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
