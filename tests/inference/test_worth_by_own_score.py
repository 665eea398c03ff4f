"""Worth in networks by a score that ensembles have not, and by recalibrated probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.inference.comparison.comparisons import Estimates, compare
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.resampling import resample
from benchmarks.inference.resampling_tasks import ResamplingTask
from benchmarks.metrics.metric import Family
from benchmarks.metrics.recalibrated import RecalibratedMeans
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import Selective
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import WorthRow
from methods import Prediction
from tests.runs import CONDITIONS

CLEAN = CONDITIONS["clean"]
IMAGES, NETWORKS = 600, 20

ENSEMBLES = [
    RunUnit("standard", "deep_ensemble", size, block)
    for size in (1, 2, 4)
    for block in range(NETWORKS // size // 2)
]
MINE = [RunUnit("standard", "mine", None, r) for r in range(5)]
RELATIONS = Relations(of_networks=["deep_ensemble"], primary_scores={"mine": "own"})


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


def found(
    family: type[Family], score: str = "", instead: dict[str, str] | None = None
) -> Estimates:
    world = World()
    task = ResamplingTask(("standard",), (CLEAN,), (family,), score, (CLEAN,))
    measured = resample(
        task,
        [*ENSEMBLES, *MINE],
        lambda unit, _: world.predict(unit, "clean"),
        resamples=200,
        seed=0,
        calibration=lambda unit: world.predict(unit, "held"),
        instead=instead or {},
    )
    assert measured is not None
    return compare(task, measured, RELATIONS)


def worth_by(metric: str, estimates: Estimates) -> WorthRow:
    (row,) = [row for row in estimates.worths if row.metric == metric]
    assert (row.method, row.ensemble) == ("mine", "deep_ensemble")
    return row


def test_ensembles_stand_in_by_another_score() -> None:
    estimates = found(Selective, "own", {"deep_ensemble": "predictive_entropy"})
    row = worth_by("aurc", estimates)
    assert (row.score, row.status) == ("own", "ok")
    assert float(row.worth) == pytest.approx(2, rel=0.3)
    assert estimates.comparisons == []
    assert {method for _, method, *_ in estimates.intervals} == {"mine"}


def test_without_another_score_there_is_no_worth_by_it() -> None:
    assert found(Selective, "own").worths == []


def test_recalibrated_worth_leaves_confidence_out() -> None:
    plain, recalibrated = (found(family) for family in (LabelMeans, RecalibratedMeans))
    assert worth_by("nll", plain).worth == "<1"
    assert float(worth_by("nll_recalibrated", recalibrated).worth) == pytest.approx(2, rel=0.3)
    assert float(worth_by("accuracy", plain).worth) == pytest.approx(2, rel=0.3)
