"""The leaderboard and the table of worth are views of `answer.csv`; no other cell has a mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.nouns import Contestant
from benchmarks.report.figures import figure_names
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.ranking import MOST_ROWS, board
from benchmarks.report.tables.table import Cell, Table, markdown
from tests.report.made_answers import (
    AUROC,
    CONDITIONS,
    DROPOUT,
    ENERGY,
    FEW,
    FIFTY,
    FIVE,
    HEADLINE,
    KNN,
    LONGER,
    MANY,
    NLL,
    SOFTMAX,
    by_chance,
    made,
)
from tests.report.support import NAMES, made_table, table_named


def cells(results: Results, table: Table) -> Iterator[tuple[Contestant, str, Cell]]:
    """Every cell of the leaderboard with what it is of."""
    every = [choice for choices in board(results).values() for choice in choices]
    known = {results.label(one) if one.score else results.names.label(one): one for one in every}
    for row in table.rows:
        for heading, cell in zip(table.headings, row.cells, strict=True):
            yield known[row.labels[0]], heading, cell


@pytest.mark.parametrize("seed", range(8))
def test_bold_is_the_best_set_and_arrows_are_intervals_that_leave_out_zero(seed: int) -> None:
    results = by_chance(FEW if seed % 2 else MANY, seed)
    headings = {
        f"{NAMES.printed(q.metric).title}\n{results.label_of(q.condition)}": q for q in HEADLINE
    }
    marked = {True: 0, False: 0}
    for choice, heading, cell in cells(results, table_named(results, "leaderboard")):
        quantity = headings.get(heading)
        if quantity is None or (choice.score and quantity != AUROC):
            assert (cell.is_best, cell.better) == (False, None)
            continue
        row = results.standing(choice, quantity)
        assert row is not None
        gain = [row["difference_lower"], row["difference_upper"]]
        if quantity.metric in ("nll", "brier", "augrc"):
            gain = [-gain[1], -gain[0]]
        better = True if gain[0] > 0 else False if gain[1] < 0 else None
        assert (cell.is_best, cell.better) == (row["best"] == "yes", better)
        marked[cell.is_best] += 1
    assert all(marked.values())


@pytest.mark.parametrize("seed", range(4))
def test_cells_of_other_measures_have_no_mark(seed: int) -> None:
    results = by_chance(FEW, seed)
    tables = {table.name: table for table in tables_of(results)}
    of_headline = {(q.condition, NAMES.printed(q.metric).heading) for q in HEADLINE}
    for name in ("main", "calibration"):
        for row in tables[name].rows:
            (condition,) = (one.name for one in CONDITIONS if one.label == row.group)
            for heading, cell in zip(tables[name].headings, row.cells, strict=True):
                is_plain = (cell.is_best, cell.better) == (False, None)
                assert is_plain or (condition, heading) in of_headline


@pytest.mark.parametrize("seed", range(8))
def test_every_contestant_of_a_best_set_has_a_row_and_those_in_most_come_first(seed: int) -> None:
    results = by_chance(MANY, seed)
    assert max(map(len, board(results).values())) > MOST_ROWS
    counts: dict[str, dict[Contestant, int]] = {}
    table = table_named(results, "leaderboard")
    blocks = {row.labels[0]: row.block for row in table.rows}
    for choice, _, cell in cells(results, table):
        label = results.label(choice) if choice.score else results.names.label(choice)
        own = counts.setdefault(blocks[label], {})
        own[choice] = own.get(choice, 0) + cell.is_best
    for own in counts.values():
        assert [*own.values()] == sorted(own.values(), reverse=True)
    shown = {choice for own in counts.values() for choice in own}
    for budget in results.budgets:
        assert {one for leaders in results.leaders(budget).values() for one in leaders} <= shown
    assert {SOFTMAX, DROPOUT, FIVE, FIFTY, *LONGER} <= shown
    hidden = {one.unscored for one in MANY if not one.score} - {one.unscored for one in shown}
    assert bool(hidden) == ("Left out, in no best set" in " ".join(table.remarks))


@pytest.mark.parametrize("name", ["leaderboard", "worth"])
def test_order_of_the_rows_of_the_answer_changes_nothing(name: str) -> None:
    results = by_chance(MANY, 0)
    shuffled = results.answer.sample(frac=1, random_state=0).reset_index(drop=True)
    made_again = replace(results, answer=shuffled)
    assert markdown(table_named(results, name)) == markdown(table_named(made_again, name))


def test_without_an_answer_values_stand_without_marks() -> None:
    results = made(FEW, {})
    assert results.answer.empty
    table = table_named(results, "leaderboard")
    marks = {(cell.is_best, cell.better) for _, _, cell in cells(results, table)}
    assert marks == {(False, None)}
    assert made_table(results, "worth") is None
    assert "Bold" not in markdown(table)


def test_further_score_has_the_measure_that_it_changes_alone_and_only_if_it_is_best() -> None:
    said = {(one, q): {} for one in (SOFTMAX, DROPOUT) for q in HEADLINE}
    said |= {(SOFTMAX, NLL): {"best": "yes"}, (ENERGY, AUROC): {"best": "yes"}, (KNN, AUROC): {}}
    results = made(FEW, said)
    table = table_named(results, "leaderboard")
    rows = {row.labels[0]: row.cells for row in table.rows}
    assert set(rows) == {"Softmax", "MC-dropout, T = 100", "Energy (with Softmax)"}
    energy = rows["Energy (with Softmax)"]
    assert [cell.texts[0] for cell in energy[:5]] == ["—"] * 4 + ["0.50"]
    assert [cell.is_best for cell in energy[:5]] == [False] * 4 + [True]


def test_why_the_rule_does_not_apply_is_a_footnote() -> None:
    apart: dict[str, Any] = {"best": "", "reason": "a value is infinite"}
    results = made(FEW, {(SOFTMAX, NLL): {}, (DROPOUT, NLL): apart, (FIFTY, NLL): apart})
    text = markdown(table_named(results, "leaderboard"))
    assert text.count("<sup>a</sup> a value is infinite") == 1
    (line,) = (line for line in text.splitlines() if line.startswith("| MC-dropout"))
    assert "0.50 ± 0.10 <sup>a</sup>" in line
    assert text.count("0.50 ± 0.10 <sup>") == 1  # none of an ensemble that measures worth


def test_worth_is_shown_with_its_interval_or_a_reason() -> None:
    said = {(SOFTMAX, NLL): {"worth": "1", "worth_lower": "1", "worth_upper": "1"}}
    said[DROPOUT, NLL] = {"worth": "2.5", "worth_lower": "1.1", "worth_upper": ">50"}
    said[FIVE, NLL] = {"worth": "", "worth_reason": "the curve is flat"}
    said[FIFTY, NLL] = {"worth": ">50", "worth_lower": "9", "worth_upper": ">50", "best": ""}
    text = markdown(table_named(made(FEW, said), "worth"))
    assert "| Softmax | 1 |\n" in text
    assert "| MC-dropout, T = 100 | 2.5 (1.1 to &gt;50) |\n" in text
    assert "| Deep ensemble, M = 50 | &gt;50 (9 to &gt;50) |\n" in text
    assert "— undefined: the curve is flat" in text


def test_without_ensembles_of_several_sizes_nothing_is_said_of_worth() -> None:
    unknown = {"worth": "", "worth_reason": "the run has no deep ensembles of several sizes"}
    fifty = {"worth": "50", "worth_lower": "50", "worth_upper": "50", "best": ""}
    results = made(FEW, {(SOFTMAX, NLL): unknown, (FIFTY, NLL): fifty})
    assert "worth" not in {table.name for table in tables_of(results)}
    assert "worth" not in figure_names(results)
