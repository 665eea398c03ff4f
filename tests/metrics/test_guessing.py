"""What guessing scores, against the metrics themselves of predictions that know nothing."""

from __future__ import annotations

import math

import pytest
import torch

from benchmarks.metrics import METRICS, MetricInputs
from benchmarks.nouns import MetricRecord
from methods import Prediction

KNOWN = {name: metric for name, metric in METRICS.items() if metric.guessing is not None}

DRAWN = [name for name, m in KNOWN.items() if "score" in m.needs or name == "accuracy"]
"""Of these a class is drawn, or an order of images; others judge probabilities."""


def value(name: str, mean: torch.Tensor, labels: torch.Tensor, score: torch.Tensor) -> float:
    """On images of which every third is the reference of detection."""
    metric = METRICS[name]
    if "reference" not in metric.needs:
        fitted = metric.family.fit_calibration(mean, labels)
        arrays = MetricInputs(Prediction.of(mean[None]), labels, score=score, fitted=fitted)
        return metric.value(arrays)
    clean = torch.arange(len(mean)) % 3 == 0
    own, reference = (Prediction.of(mean[None, chosen]) for chosen in (~clean, clean))
    scores = score[~clean], score[clean]
    arrays = MetricInputs(own, reference=reference, score=scores[0], reference_score=scores[1])
    return metric.value(arrays)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("name", KNOWN)
def test_equal_probabilities_of_balanced_labels_score_so(name: str, classes: int) -> None:
    """Ties go to the lowest class, which one in so many labels is, and images of a tie share."""
    labels = torch.arange(6 * classes) % classes
    mean = torch.full((len(labels), classes), 1 / classes, dtype=torch.float64)
    guessed = value(name, mean, labels, torch.zeros(len(labels)))
    assert guessed == pytest.approx(KNOWN[name].guessing(classes))  # type: ignore[misc]


@pytest.mark.parametrize("name", DRAWN)
def test_random_classes_in_random_order_score_so_whatever_the_labels(name: str) -> None:
    classes, images = 4, 40_000
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(images, generator=generator) > 0.9).long()
    drawn = torch.randint(classes, (images,), generator=generator)
    mean = torch.nn.functional.one_hot(drawn, classes).double()
    guessed = value(name, mean, labels, torch.rand(images, generator=generator))
    assert guessed == pytest.approx(KNOWN[name].guessing(classes), abs=0.015)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("better", "values", "worse"),
    [
        ("lower", (2.31, math.nan, math.nan), True),
        ("lower", (2.5, 2.31, 2.7), True),
        ("lower", (2.5, 2.29, 2.7), False),
        ("lower", (math.inf, math.nan, math.nan), True),
        ("higher", (2.2, 2.1, 2.29), True),
        ("higher", (2.2, 2.1, 2.31), False),
        ("", (9.0, 8.0, 9.5), False),
        ("lower", (math.nan, math.nan, math.nan), False),
    ],
)
def test_value_is_worse_if_all_of_its_interval_is(
    better: str, values: tuple[float, float, float], worse: bool
) -> None:
    level = 2.3 if better else math.nan
    record = MetricRecord("mine", "Mine", better=better, guessing=level)  # type: ignore[arg-type]
    assert record.is_worse_than_guessing(*values) is worse
