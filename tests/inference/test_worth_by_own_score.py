"""Worth in networks by a score that ensembles have not, and by recalibrated probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.inference.evidence import Evidence
from benchmarks.inference.intervals import Relations
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.questions import Budgets
from benchmarks.schema import WorthRow
from methods import Prediction
from tests.measuring import compared, gathered
from tests.runs import CONDITIONS

CLEAN = CONDITIONS["clean"]
IMAGES, NETWORKS = 600, 20

ENSEMBLES = [
    RunUnit("deep_ensemble", size, size, block)
    for size in (1, 2, 4)
    for block in range(NETWORKS // size // 2)
]
ENSEMBLE_BUDGETS = Budgets(frozenset(["deep_ensemble"]))
DIVIDED = [RunUnit("deep_ensemble", 2, 1, block) for block in range(5)]
MINE = [RunUnit("mine", None, 1, r) for r in range(5)]


class World:
    """Networks that err independently; `mine` is an ensemble of two others, under-confident."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.labels = {name: self.random.integers(10, size=IMAGES) for name in ("clean", "held")}
        self.logits = {
            name: np.stack([self._logits(labels) for _ in range(NETWORKS)])
            for name, labels in self.labels.items()
        }

    def _logits(self, labels: np.ndarray) -> np.ndarray:
        logits = 2 * self.random.normal(size=(IMAGES, 10))
        logits[np.arange(IMAGES), labels] += 4
        return logits

    def predict(self, unit: RunUnit, images: str) -> StoredPrediction:
        size = unit.size or 2
        members = self.logits[images][unit.replicate * size :][:size]
        prediction = Prediction.of_logits(torch.from_numpy(members))
        if unit.method == "mine":
            mean = (0.3 * prediction.mean.log()).softmax(dim=-1)
            own = Prediction.of(mean[None]).expected_entropy
            prediction = replace(prediction, mean=mean, scores={"own": own})
        return StoredPrediction(prediction, torch.from_numpy(self.labels[images]))


@pytest.fixture(scope="module")
def known() -> dict[str, Evidence]:
    world, units = World(), [*ENSEMBLES, *DIVIDED, *MINE]
    made = {(unit, "clean"): world.predict(unit, "clean") for unit in units}
    held_out = {unit: world.predict(unit, "held") for unit in units}
    return gathered(made, (CLEAN,), calibration=held_out)


def worths(known: dict[str, Evidence], *primary: tuple[str, str]) -> dict[str, WorthRow]:
    """By metric, what `mine` is worth by its primary score."""
    relations = Relations(ENSEMBLE_BUDGETS, primary_scores=dict(primary))
    rows = compared(known, relations).worths
    assert {row.ensemble for row in rows} == {"deep_ensemble"}
    return {row.metric: row for row in rows if row.method == "mine" and row.score in ("", "own")}


def test_ensembles_stand_in_by_their_primary_score(known: dict[str, Evidence]) -> None:
    row = worths(known, ("mine", "own"), ("deep_ensemble", "predictive_entropy"))["aurc"]
    assert (row.score, row.status) == ("own", "ok")
    assert float(row.worth) == pytest.approx(2, rel=0.3)


def test_of_ensembles_those_that_divide_a_budget_have_a_worth(known: dict[str, Evidence]) -> None:
    rows = [row for row in compared(known, Relations(ENSEMBLE_BUDGETS)).worths if row.score == ""]
    found = {(row.method, row.members, row.budget): row for row in rows if row.metric == "nll"}
    assert found.keys() == {("mine", "2", 1), ("deep_ensemble", "2", 1)}
    # It predicts as the ensembles of two.
    assert found["deep_ensemble", "2", 1].worth == "2"
    assert {row.worth_lower for row in rows if row.method == "deep_ensemble"} == {"2", ""}


def test_by_a_score_that_one_method_has_it_is_compared_with_none(
    known: dict[str, Evidence],
) -> None:
    estimates = compared(known, Relations(ENSEMBLE_BUDGETS))
    assert not [row for row in estimates.comparisons if row.score == "own"]
    assert {key[0] for key in estimates.intervals if key[4] == "own"} == {"mine"}


def test_recalibrated_worth_leaves_confidence_out(known: dict[str, Evidence]) -> None:
    found = worths(known, ("mine", "own"))
    assert found["nll"].worth == "<1"
    assert float(found["nll_recalibrated"].worth) == pytest.approx(2, rel=0.3)
    assert float(found["accuracy"].worth) == pytest.approx(2, rel=0.3)
