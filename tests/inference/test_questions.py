"""Who may be chosen in which question, by hand."""

from __future__ import annotations

import pytest

from benchmarks.nouns import MethodRecord, Names
from benchmarks.questions import QUESTIONS, Budgets, Question
from benchmarks.report.results import Candidate

USUAL = {"mc_dropout": (10, 50), "deep_ensemble": (2, 5, 10)}
BUDGETS = Budgets(frozenset(["deep_ensemble"]), USUAL)
NAMES = Names(methods=(MethodRecord("deep_ensemble", "", counts_networks=True),))

CHOICES = [
    *(Candidate("deep_ensemble", str(size), size) for size in (10, 1, 2, 3, 5, 7)),
    *(Candidate("deep_ensemble", str(2 * budget), budget) for budget in (1, 5)),
    *(Candidate("mc_dropout", size, budget) for budget in (1, 5) for size in ("100", "10", "20")),
    *(Candidate("snapshot_ensemble", size) for size in ("2", "5")),
    *(Candidate("softmax", "1"), Candidate("softmax", "1", 5), Candidate("swag", "30")),
    Candidate("mc_dropout_exact", "exact"),
]

EXPECTED = {
    1: [
        *("deep_ensemble-2-budget-1", "mc_dropout-100", "snapshot_ensemble-5", "softmax-1"),
        *("swag-30", "mc_dropout_exact-exact"),
    ],
    5: [
        *("deep_ensemble-5", "deep_ensemble-10-budget-5"),
        *("mc_dropout-100-budget-5", "softmax-1-budget-5"),
    ],
    None: [
        *("deep_ensemble-10", "deep_ensemble-2", "deep_ensemble-5"),
        *("deep_ensemble-2-budget-1", "deep_ensemble-10-budget-5"),
        *("mc_dropout-100", "mc_dropout-10", "mc_dropout-100-budget-5", "mc_dropout-10-budget-5"),
        *("snapshot_ensemble-2", "snapshot_ensemble-5"),
        *("softmax-1", "softmax-1-budget-5", "swag-30", "mc_dropout_exact-exact"),
    ],
}
"""By the budget of a question; of any, all sizes that are compared, but not 3, 7 and 20."""


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_candidates_by_hand(question: Question) -> None:
    chosen = [NAMES.key(choice.variant) for choice in question.candidates(CHOICES, BUDGETS)]
    assert chosen == EXPECTED[question.budget]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_an_ensemble_beyond_the_budget_is_replaced_by_none(question: Question) -> None:
    large = [Candidate("deep_ensemble", "1", 1), Candidate("deep_ensemble", "10", 10)]
    chosen = question.candidates(large, BUDGETS)
    assert chosen == ([] if question.budget else large[1:])
