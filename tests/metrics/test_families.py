"""Every metric of a resample is that of the images drawn into it, by a second implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.metrics import METRICS, Family, MetricInputs, in_families
from benchmarks.metrics.calibration import Calibration
from benchmarks.metrics.detection import (
    Detection,
    DetectionAtThreshold,
    Prevalence,
)
from benchmarks.metrics.metric import each_once
from benchmarks.metrics.ranking import Ranking
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import Selective, SelectiveAtCoverage
from benchmarks.metrics.uncertainties import PredictionMeans
from methods import Prediction
from tests.metrics import reference
from tests.metrics.support import (
    CASES,
    Floats,
    family_of,
    labels_of,
    members_of,
    prediction_of,
    scores_of,
    size_of,
)

Weights = NDArray[np.uint8]


def weights_of(case: int, images: int, resamples: int = 5) -> Weights:
    """All ones, then weights with many zeros, then few large ones."""
    random = np.random.default_rng(case + 1000)
    weights = random.poisson((0.3, 1, 3)[case % 3], (images, resamples)).astype(np.uint8)
    weights[:, 0] = 1
    weights[0, :] = np.maximum(weights[0], 1)  # so that none is empty
    return weights


def copies(weights: Weights) -> Iterator[NDArray[np.int64]]:
    """Of each resample which images it holds, each as often as it was drawn."""
    for column in weights.T:
        yield np.repeat(np.arange(len(column)), column)


def evaluated(
    family: Family, arrays: MetricInputs, weights: Weights, reference_weights: Weights | None = None
) -> dict[str, Floats]:
    """By metric, on every resample."""
    none = np.ones((0, weights.shape[1]), np.uint8)
    prepared = family.prepare(arrays)
    values = family.evaluate(
        prepared, weights, none if reference_weights is None else reference_weights
    )
    assert values.shape == (len(family.metrics), weights.shape[1])
    assert values.dtype == np.float64
    return {metric.name: row for metric, row in zip(family.metrics, values, strict=True)}


@pytest.mark.parametrize("case", CASES)
def test_detection(case: int) -> None:
    n, p = size_of(case), size_of(case + 100)
    scores = torch.from_numpy(scores_of(case, n + p))
    negative, positive = weights_of(case, n), weights_of(case + 1, p)
    arrays = MetricInputs(
        prediction_of(np.ones(p)),
        reference=prediction_of(np.ones(n)),
        score=scores[n:],
        reference_score=scores[:n],
    )
    result: dict[str, Floats] = {}
    for family in (Detection, DetectionAtThreshold):
        result |= evaluated(family_of(family), arrays, positive, negative)
    for b, (i, j) in enumerate(zip(copies(negative), copies(positive), strict=True)):
        both = torch.cat([scores[:n][i], scores[n:][j]])
        flags = torch.arange(len(both)) >= len(i)
        for name, values in result.items():
            expected = getattr(reference, name)(both, flags)
            assert values[b] == pytest.approx(expected, rel=1e-12), name
        exact = reference.auroc(both, flags), reference.fpr95(both, flags)
        assert (result["auroc"][b], result["fpr95"][b]) == exact


@pytest.mark.parametrize("case", CASES)
def test_selection(case: int) -> None:
    images = size_of(case)
    score, weights = torch.from_numpy(scores_of(case, images)), weights_of(case, images)
    correct = np.random.default_rng(case).random(images) < 0.7
    arrays = MetricInputs(prediction_of(np.ones(images)), labels_of(correct), score=score)
    result = {
        name: values
        for family in (Selective, SelectiveAtCoverage)
        for name, values in evaluated(family_of(family), arrays, weights).items()
    }
    for b, drawn in enumerate(copies(weights)):
        of_drawn = score[drawn], torch.from_numpy(correct[drawn])
        for name, values in result.items():
            expected = getattr(reference, name)(*of_drawn)
            assert values[b] == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True), name


@pytest.mark.parametrize("case", CASES)
def test_calibration(case: int) -> None:
    images = 8 * size_of(case)
    random = np.random.default_rng(case)
    confidence = random.beta(4, 1, images).clip(0.15).round((2, 1, 16)[case % 3])
    correct, weights = random.random(images) < confidence, weights_of(case, images)
    prediction = prediction_of(confidence)
    result = evaluated(
        family_of(Calibration), MetricInputs(prediction, labels_of(correct)), weights
    )
    drawn_from = prediction.mean.amax(dim=1), torch.from_numpy(correct)
    edges = reference.equal_width_edges(), reference.equal_mass_edges(drawn_from[0])
    for b, drawn in enumerate(copies(weights)):
        # The resample in the bins of the images themselves.
        wide, equal = (reference.fill(e, *(array[drawn] for array in drawn_from)) for e in edges)
        expected = {
            "ece": reference.expected_calibration_error(wide),
            "mce": reference.maximum_calibration_error(wide),
            "ece_equal_mass": reference.expected_calibration_error(equal),
            "ece_debiased": reference.debiased_calibration_error(equal),
            "squared_ce_debiased": reference.debiased_squared_calibration_error(equal),
        }
        assert result.keys() >= expected.keys()  # others may be added
        for name, value in expected.items():
            assert result[name][b] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("case", CASES)
def test_means_against_labels(case: int) -> None:
    images = size_of(case)
    members, weights = members_of(case, images), weights_of(case, images)
    labels = torch.from_numpy(np.random.default_rng(case).integers(4, size=images))
    arrays = MetricInputs(Prediction.of(members), labels)
    result = evaluated(family_of(LabelMeans), arrays, weights)
    for b, drawn in enumerate(copies(weights)):
        mean, truth = members.mean(dim=0)[drawn], labels[drawn]
        hot = torch.eye(4)[truth]
        expected = {
            "accuracy": (mean.argmax(dim=1) == truth).double().mean(),
            "nll": -(mean * hot).sum(dim=1).log().mean(),
            "brier": (mean - hot).square().sum(dim=1).mean(),
        }
        assert result.keys() >= expected.keys()  # others may be added
        for name, value in expected.items():
            assert result[name][b] == pytest.approx(value.item(), rel=1e-12), name


@pytest.mark.parametrize("case", CASES)
def test_means_over_a_prediction(case: int) -> None:
    images = size_of(case)
    members, weights = members_of(case, images), weights_of(case, images)
    arrays = MetricInputs(Prediction.of(members))
    result = evaluated(family_of(PredictionMeans), arrays, weights)
    for b, drawn in enumerate(copies(weights)):
        total, expected_entropy = (
            torch.special.entr(p).sum(dim=-1) for p in (members.mean(dim=0), members)
        )
        votes = torch.nn.functional.one_hot(members.argmax(dim=-1), 4).double().sum(dim=0)
        count = len(members)
        agreeing = (votes * (votes - 1)).sum(dim=-1) / max(count * (count - 1), 1)
        of_several = {
            "mutual_information": total - expected_entropy.mean(dim=0),
            "pairwise_disagreement": 1 - agreeing,
            "variation_ratio": 1 - votes.amax(dim=-1) / count,
            "vote_entropy": torch.special.entr(votes / count).sum(dim=-1),
        }
        expected = {
            "predictive_entropy": total,
            "expected_entropy": expected_entropy.mean(dim=0),
            "mean_confidence": members.mean(dim=0).sort(dim=-1).values[:, -1],
            **of_several,
        }
        assert result.keys() >= expected.keys()  # others may be added
        for name, of_each in expected.items():
            if count == 1 and name in of_several:
                assert np.isnan(result[name][b])
            else:
                assert result[name][b] == pytest.approx(of_each[drawn].mean().item(), abs=1e-14)


def test_prevalence_is_the_same_on_every_resample() -> None:
    arrays = MetricInputs(prediction_of(np.ones(30)), reference=prediction_of(np.ones(90)))
    weights, of_reference = (
        np.stack([np.roll(np.repeat([0, 1, 2], n), b) for b in range(4)], axis=1).astype(np.uint8)
        for n in (10, 30)
    )
    result = evaluated(family_of(Prevalence), arrays, weights, of_reference)
    assert result["prevalence"].tolist() == [0.25] * 4
    assert not Prevalence.resampled
    assert Prevalence([]).prepare(MetricInputs(arrays.prediction)) is None


@pytest.mark.parametrize("family", in_families(METRICS.values()), ids=lambda f: type(f).__name__)
def test_values_are_those_with_weights_of_one(family: Family) -> None:
    members, random = members_of(3, 50), np.random.default_rng(0)
    score, of_reference = (torch.from_numpy(random.normal(size=n)) for n in (50, 40))
    prediction, labels = Prediction.of(members), torch.from_numpy(random.integers(4, size=50))
    arrays = MetricInputs(
        prediction,
        labels,
        reference=Prediction.of(members_of(7, 40)),
        score=score,
        reference_score=of_reference,
        fitted=family.fit_calibration(prediction.mean, labels),
    )
    rows = family.evaluate(family.prepare(arrays), each_once(50), each_once(40))
    assert family.values(arrays).tolist() == rows[:, 0].tolist()
    assert [metric.value(arrays) for metric in family.metrics] == pytest.approx(rows[:, 0], rel=0)
    nothing = MetricInputs(arrays.prediction)
    defined = family.needs == frozenset()
    assert np.isfinite(family.values(nothing)).all() == defined
    if arrays.fitted is not None:
        assert np.isnan(family.values(replace(arrays, fitted=None))).all()
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("family", [Detection, Selective])
@pytest.mark.parametrize("undefined", ["score", "reference_score"])
def test_score_that_is_nan_cannot_be_ranked(family: type[Family], undefined: str) -> None:
    scores = {name: torch.rand(5) for name in ("score", "reference_score")}
    scores[undefined][2] = torch.nan
    prediction = prediction_of(np.ones(5))
    arrays = MetricInputs(prediction, labels_of(np.arange(5) < 3), reference=prediction, **scores)
    ranked = undefined != "score" and family is Selective
    assert (family([]).prepare(arrays) is not None) == ranked


def test_aurc_keeps_its_digits() -> None:
    """By the definition, in fractions of whole numbers: 4,000 images, the errors near the end."""
    wrong = np.random.default_rng(0).random(4000) < np.linspace(0, 0.1, 4000) ** 2
    errors, exact = 0, 0
    for i, is_wrong in enumerate(wrong.tolist(), start=1):
        errors += is_wrong
        exact += errors * 10**40 // i
    value = METRICS["aurc"].function(*Ranking.by(np.arange(4000.0), wrong).counts(each_once(4000)))
    assert value[0].item() == pytest.approx(exact / 10**40 / 4000, rel=1e-12)
