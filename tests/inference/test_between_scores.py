"""Scores of one network against others: which pairs, their differences, and their worth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.inference.comparisons import Estimates, compare
from benchmarks.inference.evidence import Evidence
from benchmarks.inference.intervals import Relations
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.questions import Budgets
from benchmarks.schema import Comparison
from methods import Prediction
from methods.scores import score_of
from tests.measuring import gathered
from tests.runs import CONDITIONS

CLEAN, NOISE = CONDITIONS["clean"], CONDITIONS["ood-uniform_noise"]
IMAGES, REPLICATES = 400, 5
SCORES = ("energy", "knn")

SINGLE = {
    budget: [RunUnit("softmax", None, budget, r) for r in range(REPLICATES)]
    for budget in (1.0, 5.0)
}
ENSEMBLES = [
    RunUnit("deep_ensemble", size, size, block) for size in (1, 2, 5, 8) for block in range(5)
]
UNITS = [*SINGLE[1.0], *SINGLE[5.0], *ENSEMBLES]
RELATIONS = Relations(
    Budgets(frozenset(["deep_ensemble"])),
    splits={unit.method: "training" for unit in UNITS},
    primary_scores=dict.fromkeys(("softmax", "deep_ensemble"), "predictive_entropy"),
    single_network_methods=["softmax"],
    further_scores=SCORES,
)


class World:
    """Networks that are less certain of noise; their score ``knn`` is as an ensemble of four's."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.logits = random.normal(size=(1, 2, IMAGES)) + 1.5 * random.normal(size=(60, 2, IMAGES))
        self.logits[:, 1] -= 0.4

    def predict(self, unit: RunUnit, condition: str) -> StoredPrediction:
        size, ood = unit.size or 1, int(condition == NOISE.name)
        first = (40 if unit.method == "softmax" else 0) + (
            10 if SINGLE[5.0][0].variant == unit.variant else 0
        )
        members = self.logits[first + unit.replicate * size :, ood][:size]
        logits = np.zeros((size, IMAGES, 2))
        # The mean over members of what decides is what the entropy of the mean follows.
        logits[..., 0] = 20 + members.mean(axis=0, keepdims=True)
        prediction = Prediction.of_logits(torch.from_numpy(logits))
        labels = None if ood else torch.zeros(IMAGES, dtype=torch.int64)
        if unit.method == "softmax":
            like_four = self.logits[20 + 4 * unit.replicate :, ood][:4].mean(axis=0)
            scores = {"knn": torch.from_numpy(-like_four), "energy": -prediction.mean[:, 0]}
            prediction = replace(prediction, scores=scores)
        return StoredPrediction(prediction, labels)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, Evidence]:
    made = {(unit, c.name): world.predict(unit, c.name) for unit in UNITS for c in (CLEAN, NOISE)}
    return gathered(made, (CLEAN, NOISE), ("auroc", "fpr95"), resamples=400)


@pytest.fixture(scope="module")
def estimates(known: dict[str, Evidence]) -> Estimates:
    return compare(known[NOISE.name], UNITS, RELATIONS)


@pytest.fixture(scope="module")
def rows(estimates: Estimates) -> list[Comparison]:
    """Of two scores, by AUROC."""
    return [
        row
        for row in estimates.comparisons
        if row.metric == "auroc" and row.question == "" and {row.score, row.other_score} & {*SCORES}
    ]


Side = tuple[str, str, float, str]


def sides_of(row: Comparison) -> tuple[Side, Side]:
    """Of each side method, size, budget and score."""
    other = row.other_method, row.other_members, row.other_budget, row.other_score
    return (row.method, row.members, row.budget, row.score), other


def auroc(world: World, unit: RunUnit, score: str) -> float:
    """By scikit-learn."""
    values = [
        score_of(world.predict(unit, condition).prediction, score)
        for condition in (CLEAN.name, NOISE.name)
    ]
    assert all(value is not None for value in values)
    return float(roc_auc_score([0] * IMAGES + [1] * IMAGES, np.concatenate(values)))


def test_further_scores_are_compared_within_a_budget_and_with_their_own(
    rows: list[Comparison],
) -> None:
    pairs = {frozenset(sides_of(row)) for row in rows}
    assert len(pairs) == len(rows)
    alone = {
        budget: [("softmax", "1", budget, score) for score in ("predictive_entropy", *SCORES)]
        for budget in SINGLE
    }
    # Of ensembles those of the budget, by their own score.
    five = ("deep_ensemble", "5", 5, "predictive_entropy")
    expected = {frozenset(pair) for own in alone.values() for pair in combinations(own, 2)}
    expected |= {frozenset([own, five]) for own in alone[5.0][1:]}
    expected |= {frozenset(pair) for pair in zip(*alone.values(), strict=True)}
    assert pairs == {pair for pair in expected if any(side[3] in SCORES for side in pair)}


def test_difference_is_that_of_two_areas_by_scikit_learn(
    world: World, rows: list[Comparison]
) -> None:
    for row in rows:
        means = [
            np.mean(
                [
                    auroc(world, unit, side[3])
                    for unit in UNITS
                    if (unit.method, str(unit.size or 1), unit.budget) == side[:3]
                ]
            )
            for side in sides_of(row)
        ]
        assert row.difference == pytest.approx(means[0] - means[1], abs=1e-5)  # as printed


def test_same_network_by_two_scores_is_paired(rows: list[Comparison]) -> None:
    both = {("softmax", "1", 1.0, score) for score in ("energy", "predictive_entropy")}
    (row,) = [row for row in rows if set(sides_of(row)) == both]
    # With two classes both scores rank alike: the difference is exactly none.
    assert row.difference == 0
    assert math.isnan(row.lower)


def networks(text: str) -> float:
    """An end of an interval, which is open beyond the sizes that there are."""
    return float({"<1": "0", ">8": "inf"}.get(text, text))


def test_worth_of_a_score_is_the_size_of_the_ensemble_that_detects_as_well(
    estimates: Estimates,
) -> None:
    rows = [row for row in estimates.worths if row.metric == "auroc" and row.score in SCORES]
    found = {(row.budget, row.score): row for row in rows}
    assert len(found) == len(rows)
    assert set(found) == {(budget, score) for budget in SINGLE for score in SCORES}
    for (_, score), row in found.items():
        assert row.ensemble == "deep_ensemble"
        bounds = networks(row.worth_lower), networks(row.worth_upper)
        assert bounds[0] < {"knn": 4, "energy": 1.2}[score] < bounds[1]
        assert score == "knn" or bounds[1] < 6


def test_further_scores_are_compared_with_others_where_images_belong_to_no_class(
    known: dict[str, Evidence],
) -> None:
    result = compare(replace(known[NOISE.name], shift=CONDITIONS["clean"]), UNITS, RELATIONS)
    assert all(row.score == row.other_score for row in result.comparisons)
    assert not {row.score for row in result.worths} & set(SCORES)
