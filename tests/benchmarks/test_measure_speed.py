"""Metrics of 10,000 images, compared with the same numbers image by image or resample by resample.

A group's ratio is what a family gains by sorting or binning the images once, with weights, over the
second implementation that is given the repeated images of each resample.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.inference.image_values import StoredValues, prepared
from benchmarks.inference.weights import BLOCK, image_weights
from benchmarks.metrics import METRICS, Family
from benchmarks.metrics.calibration import Calibration
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.selective import Selective
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run import measurement_rows
from methods import Prediction
from methods.scores.probabilities import predictive_entropy
from tests.metrics import reference
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
UNCERTAINTY, CLEAN_SCORE = (predictive_entropy(each.prediction.mean) for each in (ROTATED, CLEAN))
CORRECT = ROTATED.prediction.mean.argmax(dim=1) == ROTATED.labels

(WEIGHTS,) = image_weights(IMAGES, BLOCK, seed=0)
DRAWN = [torch.from_numpy(np.repeat(np.arange(IMAGES), drawn)) for drawn in WEIGHTS.T]

MEANS, SELECTIVE, DETECTION, CALIBRATION = (
    family(metric for metric in METRICS.values() if metric.family is family)
    for family in (PredictionMeans, Selective, Detection, Calibration)
)


@pytest.mark.benchmark(group="all measures of a condition of 10,000 images")
class TestCondition:
    @pytest.mark.parametrize("name", ["clean", "rotated-045"])
    def test_condition(self, name: str, measure: Measure) -> None:
        unit, condition = RunUnit("standard", "any", MEMBERS, 0), CONDITIONS[name]
        arguments = unit, condition, ROTATED, CLEAN
        measure(lambda: list(measurement_rows.measure(*arguments)), images=IMAGES)


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
        functions = [metric.function for metric in MEANS.metrics]
        measure(lambda: [of_each(ROTATED.prediction) for of_each in functions], images=IMAGES)


@pytest.mark.benchmark(group="means over 10,000 images on 128 resamples")
class TestMeans:
    def test_repeated_images(self, measure: Measure) -> None:
        values = torch.stack([metric.function(ROTATED.prediction) for metric in MEANS.metrics])
        measure(lambda: [values[:, drawn].mean(dim=1) for drawn in DRAWN], images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        evaluate_family(MEANS, measure)


@pytest.mark.benchmark(group="selective metrics of 10,000 images on 128 resamples")
class TestSelection:
    def test_reference(self, measure: Measure) -> None:
        def work() -> list[tuple[float, ...]]:
            return [of_one(UNCERTAINTY[drawn], CORRECT[drawn]) for drawn in DRAWN]

        def of_one(*ranked: Tensor) -> tuple[float, ...]:
            return tuple(getattr(reference, m.name)(*ranked) for m in SELECTIVE.metrics)

        measure(work, images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        evaluate_family(SELECTIVE, measure)


@pytest.mark.benchmark(group="detection of 10,000 images among 20,000 on 128 resamples")
class TestDetection:
    def test_reference(self, measure: Measure) -> None:
        positive = torch.arange(2 * IMAGES) >= IMAGES

        def work() -> list[tuple[float, ...]]:
            return [of_one(torch.cat([CLEAN_SCORE[d], UNCERTAINTY[d]])) for d in DRAWN]

        def of_one(scores: Tensor) -> tuple[float, ...]:
            return tuple(getattr(reference, m.name)(scores, positive) for m in DETECTION.metrics)

        measure(work, images=2 * IMAGES)

    def test_suite(self, measure: Measure) -> None:
        evaluate_family(DETECTION, measure)


@pytest.mark.benchmark(group="calibration of 10,000 images on 128 resamples")
class TestCalibration:
    def test_reference(self, measure: Measure) -> None:
        confidence = ROTATED.prediction.mean.amax(dim=1)
        edges = reference.equal_width_edges(), reference.equal_mass_edges(confidence)
        errors = (
            reference.expected_calibration_error,
            reference.maximum_calibration_error,
            reference.debiased_calibration_error,
            reference.debiased_squared_calibration_error,
        )

        def work() -> list[list[float]]:
            return [of_one(confidence[drawn], CORRECT[drawn]) for drawn in DRAWN]

        def of_one(*images: Tensor) -> list[float]:
            wide, equal = (reference.fill(inner, *images) for inner in edges)
            return [*(error(wide) for error in errors[:2]), *(error(equal) for error in errors)]

        measure(work, images=IMAGES)

    def test_suite(self, measure: Measure) -> None:
        evaluate_family(CALIBRATION, measure)


def evaluate_family(family: Family, measure: Measure) -> None:
    """Sorted or binned once, then evaluated on all resamples."""

    def work() -> None:
        both = StoredValues(ROTATED), StoredValues(CLEAN)
        family.evaluate(prepared(family, "predictive_entropy", *both), WEIGHTS, WEIGHTS)

    measure(work, images=IMAGES)


def entropy(probabilities: np.ndarray) -> float:
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())
