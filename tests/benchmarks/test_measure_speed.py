"""Measures of 10,000 images, compared with the same numbers image by image, or pair by pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.metrics import METRICS, Arrays, detection
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run import measurement_rows as measures
from methods import Prediction
from methods.scores import score_of
from tests.runs import CONDITIONS

IMAGES, MEMBERS = 10_000, 20

Measure = Callable[..., None]


def stored(seed: int) -> StoredPrediction:
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (IMAGES,), generator=random)
    logits = 2 * torch.randn(MEMBERS, IMAGES, 10, generator=random)
    return StoredPrediction(
        Prediction.of_logits(logits + 4 * torch.nn.functional.one_hot(labels, 10)), labels
    )


CLEAN, ROTATED = stored(0), stored(1)
UNCERTAINTY, OF_CLEAN = (
    score_of(stored.prediction, "predictive_entropy") for stored in (ROTATED, CLEAN)
)
ARRAYS = Arrays(ROTATED.prediction, ROTATED.labels, score=UNCERTAINTY)
CORRECT = ROTATED.prediction.mean.argmax(dim=1) == ROTATED.labels


@pytest.mark.benchmark(group="all measures of a condition of 10,000 images")
class TestCondition:
    @pytest.mark.parametrize("name", ["clean", "rotated-045"])
    def test_condition(self, name: str, measure: Measure) -> None:
        unit, condition = RunUnit("standard", "any", MEMBERS, 0), CONDITIONS[name]
        measure(lambda: list(measures.measure(unit, condition, ROTATED, CLEAN)), images=IMAGES)


@pytest.mark.benchmark(group="uncertainties of 10,000 images")
class TestUncertainties:
    def test_image_by_image(self, measure: Measure) -> None:
        prediction = ROTATED.prediction

        def work() -> list[tuple[float, ...]]:
            rows = zip(prediction.mean, prediction.vote_share, strict=True)
            expected = prediction.expected_entropy.tolist()
            return [of_one(*each, e) for each, e in zip(rows, expected, strict=True)]

        def of_one(mean: Tensor, share: Tensor, expected: float) -> tuple[float, ...]:
            votes = share.numpy() * MEMBERS
            total = entropy(mean.numpy())
            agreeing = (votes * (votes - 1)).sum() / (MEMBERS * (MEMBERS - 1))
            largest, spread = votes.max() / MEMBERS, entropy(share.numpy())
            return total, expected, total - expected, 1 - agreeing, 1 - largest, spread

        measure(work, images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        metrics = [metric for metric in METRICS.values() if metric.family is PredictionMeans]
        measure(lambda: PredictionMeans(metrics).values(ARRAYS), images=IMAGES)


@pytest.mark.benchmark(group="AURC of 10,000 images")
class TestSelection:
    def test_coverage_by_coverage(self, measure: Measure) -> None:
        def work() -> float:
            wrong = ~CORRECT.numpy()[np.argsort(UNCERTAINTY.numpy())]
            return float(np.mean([wrong[:covered].mean() for covered in range(1, IMAGES + 1)]))

        measure(work, images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        measure(lambda: METRICS["aurc"].value(ARRAYS), images=IMAGES)


@pytest.mark.benchmark(group="AUROC of 10,000 images against 10,000")
class TestDetection:
    def test_pair_by_pair(self, measure: Measure) -> None:
        positive, negative = UNCERTAINTY.numpy(), OF_CLEAN.numpy()

        def work() -> float:
            won = [(s > negative).sum() + (s == negative).sum() / 2 for s in positive]
            return float(np.sum(won) / IMAGES**2)

        measure(work, images=2 * IMAGES)

    def test_suite(self, measure: Measure) -> None:
        scores = torch.cat([UNCERTAINTY, OF_CLEAN])
        positive = torch.arange(2 * IMAGES) < IMAGES
        measure(lambda: detection.auroc(scores, positive), images=2 * IMAGES)


@pytest.mark.benchmark(group="ECE of 10,000 images, 15 bins")
class TestCalibration:
    def test_image_by_image(self, measure: Measure) -> None:
        confidence, correct = ROTATED.prediction.mean.amax(dim=1), CORRECT

        def work() -> float:
            gaps = [0.0] * 15
            for c, right in zip(confidence.tolist(), correct.tolist(), strict=True):
                gaps[max(0, int(np.ceil(c * 15)) - 1)] += right - c
            return sum(map(abs, gaps)) / IMAGES

        measure(work, images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        measure(lambda: METRICS["ece"].value(ARRAYS), images=IMAGES)


def entropy(probabilities: np.ndarray) -> float:
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())
