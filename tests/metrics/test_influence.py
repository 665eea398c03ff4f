"""Influences are derivatives of the metrics by the images' weights, by a second implementation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import digamma

from benchmarks.io import UserError
from benchmarks.metrics import METRICS, Family, Metric, MetricInputs, in_families
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.metric import MeansOverImages
from benchmarks.metrics.selective import Selective
from methods import Prediction
from tests.metrics.support import (
    CASES,
    Floats,
    family_of,
    labels_of,
    prediction_of,
    scores_of,
    size_of,
)

STEP = 1e-4
"""Of the differences that a derivative is compared with."""


def auroc(first: Floats, weights: Floats, second: Floats, others: Floats) -> float:
    """Of all pairs, those whose first has the higher score."""
    won = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    return float(weights @ won @ others / (weights.sum() * others.sum()))


def average_precision(first: Floats, weights: Floats, second: Floats, others: Floats) -> float:
    """Image by image, of the first kind."""
    wanted = (first >= first[:, None]) @ weights
    flagged = wanted + (second >= first[:, None]) @ others
    return float(weights @ (wanted / flagged) / weights.sum())


def negated_average_precision(
    first: Floats, weights: Floats, second: Floats, others: Floats
) -> float:
    return average_precision(-second, others, -first, weights)


Detected = Callable[[Floats, Floats, Floats, Floats], float]

DETECTED: dict[str, Detected] = {
    "auroc": auroc,
    "aupr_out": average_precision,
    "aupr_in": negated_average_precision,
}
"""From scores and weights of positives, then of negatives."""


def misclassification_auroc(score: Floats, wrong: Floats, weights: Floats) -> float:
    kinds = wrong, ~wrong
    return auroc(*(array[kind] for kind in kinds for array in (score, weights)))


def aurc(score: Floats, wrong: Floats, weights: Floats) -> float:
    """Tie by tie, the sum over images of the error rate up to them."""
    images = errors = area = 0.0
    for value in np.unique(score):
        tied = score == value
        total, mistaken = weights[tied].sum(), weights[tied & wrong].sum()
        sum_of_inverses = digamma(images + total + 1) - digamma(images + 1)
        area += mistaken + (errors - images * mistaken / total) * sum_of_inverses
        images, errors = images + total, errors + mistaken
    return area / images


def augrc(score: Floats, wrong: Floats, weights: Floats) -> float:
    """By AUROC and accuracy."""
    accuracy = weights[~wrong].sum() / weights.sum()
    if accuracy in (0, 1):
        return (1 - accuracy) / 2
    missed = 1 - misclassification_auroc(score, wrong, weights)
    return missed * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2


Selected = Callable[[Floats, Floats, Floats], float]

SELECTED: dict[str, Selected] = {
    "misclassification_auroc": misclassification_auroc,
    "aurc": aurc,
    "augrc": augrc,
}
"""From scores, errors and weights."""


def direction_of(case: int, images: int) -> Floats:
    """How the weights change; their sum does not."""
    changes = np.random.default_rng(case + 2000).normal(size=images)
    return changes - changes.mean()


def derivative(function: Callable[..., float], *directions: Floats) -> float:
    """By central differences, with all weights at one."""
    ahead, behind = (
        function(*(1 + sign * STEP * direction for direction in directions)) for sign in (1, -1)
    )
    return (ahead - behind) / (2 * STEP)


@pytest.mark.parametrize("case", CASES)
def test_detection(case: int) -> None:
    n, p = size_of(case), size_of(case + 100)
    scores = scores_of(case, n + p)
    negative, positive = scores[:n], scores[n:]
    arrays = MetricInputs(
        prediction_of(np.ones(p)),
        reference=prediction_of(np.ones(n)),
        score=torch.from_numpy(positive),
        reference_score=torch.from_numpy(negative),
    )
    family = family_of(Detection)
    influences = family.influence(family.prepare(arrays))
    assert influences.own.shape == (len(family.metrics), p)
    assert influences.reference.shape == (len(family.metrics), n)
    own, reference = direction_of(case, p), direction_of(case + 1, n)
    for metric, of_own, of_reference in zip(family.metrics, *influences, strict=True):
        by_weights = DETECTED[metric.name]
        expected = derivative(
            lambda first, second, by=by_weights: by(positive, first, negative, second),
            own,
            reference,
        )
        result = of_own @ own / p + of_reference @ reference / n
        assert result == pytest.approx(expected, rel=1e-6, abs=1e-8), metric.name
        assert [of_own.sum(), of_reference.sum()] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_selection(case: int) -> None:
    images = 20 + size_of(case)
    score, direction = scores_of(case, images), direction_of(case, images)
    wrong = np.random.default_rng(case).random(images) < 0.3
    wrong[:5] = True
    arrays = MetricInputs(
        prediction_of(np.ones(images)), labels_of(~wrong), score=torch.from_numpy(score)
    )
    family = family_of(Selective)
    influences = family.influence(family.prepare(arrays))
    assert influences.reference is None
    for metric, own in zip(family.metrics, influences.own, strict=True):
        by_weights = SELECTED[metric.name]
        expected = derivative(lambda weights, by=by_weights: by(score, wrong, weights), direction)
        assert own @ direction / images == pytest.approx(expected, rel=1e-6, abs=1e-8), metric.name
        assert own.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("errors", [0, 4, 5, 46, 50])
def test_few_images_of_a_kind_do_not_say_how_a_share_of_pairs_varies(errors: int) -> None:
    score = torch.from_numpy(scores_of(1, 50))
    labels = labels_of(np.arange(50) >= errors)
    family = family_of(Selective)
    arrays = MetricInputs(prediction_of(np.ones(50)), labels, score=score)
    known = np.isfinite(family.influence(family.prepare(arrays)).own).all(axis=1)
    names = {
        metric.name for metric, is_known in zip(family.metrics, known, strict=True) if is_known
    }
    assert names == (set(SELECTED) if errors == 5 else {"aurc", "augrc"})


MEANS = [family for family in in_families(METRICS.values()) if isinstance(family, MeansOverImages)]


@pytest.mark.parametrize("family", MEANS, ids=lambda family: type(family).__name__)
def test_means(family: Family) -> None:
    values = np.random.default_rng(0).exponential(size=(len(family.metrics), 50))
    direction = direction_of(0, 50)
    influences = family.influence(values)
    for row, own in zip(values, influences.own, strict=True):
        expected = derivative(
            lambda weights, row=row: float(np.average(row, weights=weights)), direction
        )
        assert own @ direction / 50 == pytest.approx(expected, rel=1e-6)
        assert own.sum() == pytest.approx(0, abs=1e-12)


def test_infinite_mean_has_no_influence() -> None:
    prediction = Prediction.of(torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]))
    family = METRICS["nll"].family([METRICS["nll"], METRICS["accuracy"]])
    prepared = family.prepare(MetricInputs(prediction, torch.tensor([0, 1])))
    nll, accuracy = family.influence(prepared).own
    assert not np.isfinite(nll).any()
    assert accuracy.tolist() == [0.5, -0.5]


def test_function_that_cannot_be_differentiated_is_named() -> None:
    mine = Metric(
        name="mine",
        label="Mine",
        family=Selective,
        function=lambda images, errors: np.interp([0.5], images[:, 0], errors[:, 0]),
    )
    arrays = MetricInputs(prediction_of(np.ones(9)), torch.zeros(9).long(), score=torch.arange(9.0))
    family = Selective([mine])
    with pytest.raises(UserError, match=r"'mine'.*; a family whose intervals come from resamples"):
        family.influence(family.prepare(arrays))
