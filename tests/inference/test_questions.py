"""Who may be chosen in which question, by hand."""

from __future__ import annotations

import pytest

from benchmarks.nouns import Variant
from benchmarks.questions import QUESTIONS, Budgets, Question
from benchmarks.tasks.mnist import MNIST
from methods import METHODS
from methods.posthoc.snapshot_ensemble import TRAININGS
from methods.posthoc.swag import TRAJECTORY

USUAL = {"mc_dropout": (10, 50), "deep_ensemble": (2, 5, 10)}
BUDGETS = Budgets(frozenset(["deep_ensemble"]), {"swag": 3, "snapshot_ensemble": 2}, USUAL)

CHOICES = [
    *(Variant("deep_ensemble", size) for size in ("10", "1", "2", "3", "5", "7")),
    *(Variant("mc_dropout", size) for size in ("100", "10", "20", "50")),
    *(Variant("snapshot_ensemble", size) for size in ("2", "5")),
    *(Variant("softmax", "1"), Variant("swag", "30"), Variant("mc_dropout_exact", "exact")),
]

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


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_candidates_by_hand(question: Question) -> None:
    chosen = [variant.key for variant in question.candidates(CHOICES, BUDGETS)]
    assert chosen == EXPECTED[question.name.partition("-")[0]]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_an_ensemble_beyond_the_budget_is_replaced_by_none(question: Question) -> None:
    large = [Variant("deep_ensemble", "1"), Variant("deep_ensemble", "10")]
    chosen = question.candidates(large, BUDGETS)
    assert chosen == ([] if question.networks else large[1:])


def test_budgets_are_the_epochs_that_methods_train_in_trainings_of_a_network() -> None:
    epochs = MNIST.recipe("standard").epochs
    swag = 1 + TRAJECTORY.snapshots * TRAJECTORY.epochs / epochs  # it goes on from a network
    budgets = {name: kind.budget for name, kind in METHODS.items() if kind.budget != 1}
    assert budgets == {"swag": swag, "snapshot_ensemble": TRAININGS}
