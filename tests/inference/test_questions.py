"""Who may be chosen in which question, by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from benchmarks.questions import QUESTIONS, Budgets, Question
from benchmarks.report.results import Candidate
from methods import METHODS

Choice = partial(Candidate, "standard")

USUAL = {"mc_dropout": (10, 50), "deep_ensemble": (2, 5, 10)}
BUDGETS = Budgets(frozenset(["deep_ensemble"]), {"swag": 3, "snapshot_ensemble": 2}, USUAL)

CHOICES = [
    *(Choice("deep_ensemble", size) for size in ("10", "1", "2", "3", "5", "7")),
    *(Choice("mc_dropout", size) for size in ("100", "10", "20", "50")),
    *(Choice("snapshot_ensemble", size) for size in ("2", "5")),
    *(Choice("softmax", "1"), Choice("swag", "30"), Choice("mc_dropout_exact", "exact")),
]
OF_A_RECIPE = [question for question in QUESTIONS if question.compute is None]

ONE_NETWORK = [*("mc_dropout-100", "softmax-1", "mc_dropout_exact-exact")]
FEW_NETWORKS = [
    *("deep_ensemble-5", "mc_dropout-100", "snapshot_ensemble-5", "softmax-1", "swag-30"),
    "mc_dropout_exact-exact",
]
IN_A_MILLISECOND = [
    *("deep_ensemble-10", "deep_ensemble-2", "deep_ensemble-5"),
    *("mc_dropout-100", "mc_dropout-10", "mc_dropout-50"),
    *("snapshot_ensemble-2", "snapshot_ensemble-5", "softmax-1", "swag-30"),
    "mc_dropout_exact-exact",
]
"""All sizes that are compared, but not 3, 7 and 20."""

EXPECTED = {"one": ONE_NETWORK, "few": FEW_NETWORKS, "fast": IN_A_MILLISECOND}


@pytest.mark.parametrize("question", OF_A_RECIPE, ids=lambda question: question.name)
def test_candidates_by_hand(question: Question) -> None:
    chosen = [choice.variant.key for choice in question.candidates(CHOICES, BUDGETS)]
    assert chosen == EXPECTED[question.name.partition("-")[0]]


@pytest.mark.parametrize("question", OF_A_RECIPE, ids=lambda question: question.name)
def test_an_ensemble_beyond_the_budget_is_replaced_by_none(question: Question) -> None:
    large = [Choice("deep_ensemble", "1"), Choice("deep_ensemble", "10")]
    chosen = question.candidates(large, BUDGETS)
    assert chosen == ([] if question.networks else large[1:])


def test_no_method_of_the_suite_takes_more_training_than_its_networks() -> None:
    assert {method.budget for method in METHODS.values()} == {1.0}


def test_where_compute_is_fixed_all_recipes_that_take_it_are_candidates() -> None:
    budgets = replace(BUDGETS, by_recipe={"half": 0.5, "whole": 1.0, "long": 5.0})
    choices = [
        Candidate(recipe, *sized)
        for recipe in budgets.by_recipe
        for sized in (
            ("softmax", "1"),
            *(("deep_ensemble", size) for size in ("1", "2", "5", "10")),
        )
    ]
    chosen = {
        question.compute: question.candidates(choices, budgets)
        for question in QUESTIONS
        if question.compute
    }
    assert chosen == {
        1.0: [Candidate("half", "deep_ensemble", "2"), Candidate("whole", "softmax", "1")],
        5.0: [
            Candidate("half", "deep_ensemble", "10"),
            Candidate("whole", "deep_ensemble", "5"),
            Candidate("long", "softmax", "1"),
        ],
    }
