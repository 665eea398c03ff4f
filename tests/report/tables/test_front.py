"""The first table has what one compares first, and bold is the best set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.report.results import Results
from benchmarks.report.tables.front import MOST_ROWS, columns_of, contestants, front
from tests.report.made_answers import (
    DROPOUT,
    FEW,
    FIFTY,
    FIVE,
    MANY,
    NLL,
    SOFTMAX,
    by_chance,
    made,
)


@pytest.mark.parametrize("seed", range(4))
def test_methods_that_the_article_compares_are_always_there_and_no_row_is_of_no_set(
    seed: int,
) -> None:
    results = by_chance(MANY, seed)
    shown = contestants([results])
    assert len(shown) <= MOST_ROWS
    always = {SOFTMAX, DROPOUT, FIVE}
    assert always <= set(shown)
    measures = [quantity for _, quantity in columns_of([results])]
    for choice in (
        set(shown) - always - {each for each in shown if each.method == "mc_dropout_article"}
    ):
        assert any(results.is_best(choice, quantity) for quantity in measures)


@pytest.mark.parametrize("seed", range(4))
def test_every_best_set_has_a_row_while_there_is_place(seed: int) -> None:
    results = by_chance(FEW, seed)
    shown = set(contestants([results]))
    for budget in results.budgets:
        for _, quantity in columns_of([results]):
            leaders = results.leaders(budget)[quantity]
            assert not leaders or shown & set(leaders)


def test_bold_is_the_best_set_and_the_article_is_never_bold() -> None:
    said = {(SOFTMAX, NLL): {"best": "yes"}, (DROPOUT, NLL): {}, (FIFTY, NLL): {"best": "yes"}}
    results = made([SOFTMAX, DROPOUT, FIFTY], said)
    table = front([results], [results])
    assert table is not None
    bold = {row.labels[0]: [cell.is_best for cell in row.cells] for row in table.rows}
    assert bold.pop("50 networks, as the article trains them") == [False] * 4
    assert bold["One network"] == [True, False, False, False]
    assert not any(bold["MC-dropout"])


def test_tasks_stand_side_by_side_by_their_names() -> None:
    results = by_chance(FEW, 0)
    (task,) = results.names.tasks
    other = replace(results, names=replace(results.names, tasks=(replace(task, label="Other"),)))
    table = front([results, other])
    assert table is not None
    assert [heading.split("\n")[0] for heading in table.headings[:-1]] == [task.label] * 3 + [
        "Other"
    ] * 3
    assert [row.cells[:3] for row in table.rows] == [row.cells[3:6] for row in table.rows]


def test_further_score_has_no_value_of_what_it_does_not_change() -> None:
    results = by_chance(FEW, 0)
    shown = contestants([results])
    table = front([results])
    assert table is not None
    for choice, row in zip(shown, table.rows, strict=True):
        assert bool(choice.score) == (not row.cells[0].text)


def test_run_without_methods_has_none() -> None:
    results: Results = by_chance(FEW, 0)
    assert front([replace(results, summary=results.summary.iloc[:0])]) is None
