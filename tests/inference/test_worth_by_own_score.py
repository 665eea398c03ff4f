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
    RunUnit("standard", "deep_ensemble", size, block)
    for size in (1, 2, 4)
    for block in range(NETWORKS // size // 2)
]
ENSEMBLE_BUDGETS = Budgets(frozenset(["deep_ensemble"]))
MINE = [RunUnit("standard", "mine", None, r) for r in range(5)]


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
    world, units = World(), [*ENSEMBLES, *MINE]
    made = {(unit, "clean"): world.predict(unit, "clean") for unit in units}
    held_out = {unit: world.predict(unit, "held") for unit in units}
    return gathered(made, (CLEAN,), calibration=held_out)


def worths(known: dict[str, Evidence], *primary: tuple[str, str]) -> dict[str, WorthRow]:
    """By metric, what `mine` is worth by its primary score."""
    relations = Relations(ENSEMBLE_BUDGETS, primary_scores=dict(primary))
    rows = compared(known, relations).worths
    found = {row.metric: row for row in rows if row.method == "mine" and row.score in ("", "own")}
    assert {(row.method, row.ensemble) for row in rows} == {("mine", "deep_ensemble")}
    return found


def test_ensembles_stand_in_by_their_primary_score(known: dict[str, Evidence]) -> None:
    row = worths(known, ("mine", "own"), ("deep_ensemble", "predictive_entropy"))["aurc"]
    assert (row.score, row.status) == ("own", "ok")
    assert float(row.worth) == pytest.approx(2, rel=0.3)


def test_by_a_score_that_one_method_has_it_is_compared_with_none(
    known: dict[str, Evidence],
) -> None:
    estimates = compared(known, Relations(ENSEMBLE_BUDGETS))
    assert not [row for row in estimates.comparisons if row.score == "own"]
    assert {key[1] for key in estimates.intervals if key[4] == "own"} == {"mine"}


def test_recalibrated_worth_leaves_confidence_out(known: dict[str, Evidence]) -> None:
    found = worths(known, ("mine", "own"))
    assert found["nll"].worth == "<1"
    assert float(found["nll_recalibrated"].worth) == pytest.approx(2, rel=0.3)
    assert float(found["accuracy"].worth) == pytest.approx(2, rel=0.3)
