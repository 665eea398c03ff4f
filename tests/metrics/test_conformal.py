"""Prediction sets by hand, by simulation and against MAPIE."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor

from benchmarks.metrics import MetricInputs, conformal, in_families
from benchmarks.metrics.conformal import (
    KINDS,
    LEVELS,
    SEEDS,
    PredictionSets,
    aps,
    lac,
    raps,
    threshold,
    thresholds,
    uniform_numbers,
)
from benchmarks.predictions import StoredPrediction
from benchmarks.run.image_values import ImageValues, fits_to
from methods import Prediction

LAC, APS, RAPS = KINDS
NAMES = [metric.name for metric in conformal.METRICS]


def drawn(images: int, seed: int, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    """Labels that follow the softmax of logits, and the softmax of other logits near these."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=scale, size=(images, 10))
    labels = (logits + random.gumbel(size=(images, 10))).argmax(axis=1)
    seen = logits + random.normal(scale=0.5, size=logits.shape)
    return torch.from_numpy(seen).softmax(dim=-1), torch.from_numpy(labels)


def values(calibration: tuple[Tensor, Tensor], measured: tuple[Tensor, Tensor]) -> dict[str, float]:
    mean, labels = measured
    fitted = thresholds(*calibration)
    arrays = MetricInputs(Prediction.of(mean[None]), labels, fitted=fitted)
    (family,) = in_families(conformal.METRICS)
    return dict(zip(NAMES, family.values(arrays).tolist(), strict=True))


def test_threshold_is_the_order_statistic() -> None:
    scores = torch.from_numpy(np.random.default_rng(0).random(4999))
    assert threshold(scores, 95) == scores.sort().values[4749]  # ⌈5000 · 0.95⌉ = 4750
    assert threshold(scores[:98], 99) == math.inf


def test_sets_by_hand() -> None:
    mean = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], dtype=torch.float64)
    labels = torch.tensor([1, 0])
    found = {(kind.name, level): 0.62 for kind in KINDS for level in LEVELS}
    sets = PredictionSets(mean, labels, found)
    assert sets.sets(LAC, 95).tolist() == [[True, False, False], [True, False, False]]
    assert sets.cover(LAC, 95).tolist() == [False, True]
    assert sets.sizes(LAC, 95).tolist() == [1, 1]
    none = PredictionSets(mean, labels, dict.fromkeys(found, 0.2))
    assert none.are_empty(LAC, 95).tolist() == [True, True]
    assert none.sizes(LAC, 95).tolist() == [0, 0]
    every = PredictionSets(mean, labels, dict.fromkeys(found, math.inf))
    for kind in KINDS:
        assert every.sizes(kind, 99).tolist() == [3, 3]
        assert every.cover(kind, 99).all()


def test_too_few_calibration_images_give_whole_sets() -> None:
    of_few = values(drawn(18, 0), drawn(50, 1))
    assert all(of_few[f"{kind.name}_size_95"] == 10 for kind in KINDS)
    assert all(of_few[f"{kind.name}_coverage_99"] == 1 for kind in KINDS)


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_coverage_is_the_level(scale: float) -> None:
    """Within four standard errors of both draws; also where the classifier is better than that."""
    found = values(drawn(5000, 2, scale), drawn(10_000, 3, scale))
    for kind in KINDS:
        for level in LEVELS:
            alpha = 1 - level / 100
            error = math.sqrt(alpha * (1 - alpha) * (1 / 5000 + 1 / 10_000))
            coverage = found[f"{kind.name}_coverage_{level}"]
            assert coverage == pytest.approx(level / 100, abs=4 * error)


def test_blocks_of_images_have_the_sets_of_the_whole() -> None:
    calibration, (mean, labels) = drawn(200, 9), drawn(100, 10)
    held_out = StoredPrediction(Prediction.of(calibration[0][None]), calibration[1])
    (family,) = in_families(conformal.METRICS)

    def of(*ends: int) -> np.ndarray:
        blocks = [
            StoredPrediction(Prediction.of(mean[None, start:stop]), labels[start:stop])
            for start, stop in pairwise(ends)
        ]
        return ImageValues(blocks, fits_to(held_out)).of(type(family))

    np.testing.assert_array_equal(of(0, 100), of(0, 33, 34, 100))


class Given(ClassifierMixin, BaseEstimator):
    """A classifier that "predicts" the probabilities that it is given."""

    def __init__(self, classes: int = 10) -> None:
        self.classes = classes
        self.classes_ = np.arange(classes)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> Given:
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.asarray(X)

    def predict(self, X: Any) -> Any:
        return np.asarray(X).argmax(axis=1)


def of_mapie(
    score: Any, calibration: tuple[Tensor, Tensor], mean: Tensor, level: int, **options: Any
) -> Any:
    """The sets of mapie; with a seed, it draws the same numbers for both kinds of images."""
    mapie = pytest.importorskip("mapie.classification", reason="not installed: '.[agreement]'")
    classifier = mapie.SplitConformalClassifier(
        Given(), confidence_level=level / 100, conformity_score=score, prefit=True, random_state=3
    )
    classifier.conformalize(calibration[0].numpy(), calibration[1].numpy())
    _, sets = classifier.predict_set(mean.numpy(), conformity_score_params=options)
    return classifier, sets[:, :, 0]


def mapies_numbers(images: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(3).uniform(size=images))


def ours(
    score: Any, calibration: tuple[Tensor, Tensor], mean: Tensor, level: int, **options: Any
) -> np.ndarray:
    """With mapie's numbers."""
    held_out, labels = calibration
    of_labels = score(held_out, mapies_numbers(len(held_out)), **options)
    limit = threshold(of_labels.gather(1, labels[:, None])[:, 0], level)
    return (score(mean, mapies_numbers(len(mean)), **options) <= limit).numpy()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", [1.0, 8.0])
@pytest.mark.parametrize(
    ("score", "theirs", "options"),
    [
        (lac, "LACConformityScore", {}),
        (aps, "APSConformityScore", {"include_last_label": "randomized"}),
    ],
)
def test_sets_are_mapies(
    score: Any, theirs: str, options: dict[str, str], level: int, scale: float
) -> None:
    scores = pytest.importorskip("mapie.conformity_scores")
    calibration, (mean, _) = drawn(1000, 11, scale), drawn(700, 12, scale)
    _, sets = of_mapie(getattr(scores, theirs)(), calibration, mean, level, **options)
    np.testing.assert_array_equal(ours(score, calibration, mean, level), sets)


@pytest.mark.parametrize("level", LEVELS)
def test_raps_is_mapies_where_the_penalty_has_not_grown(level: int) -> None:
    """It chooses λ and k on a part of the images, and draws the last class in or out by V.

    V divides by p − λ max(0, L − k) + λ 1(L > k), as in the authors' code, instead of p: the same
    up to L = k + 1 classes. So larger sets may differ, by the last class alone. Classes whose
    probabilities differ by less than 1e-8 it takes together; here there are none.
    """
    scores = pytest.importorskip("mapie.conformity_scores")
    calibration, (mean, _) = drawn(2000, 15, 8.0), drawn(700, 16, 8.0)
    apart = torch.from_numpy(np.random.default_rng(17).dirichlet(np.ones(10), 700))
    mean = 0.999 * mean + 0.001 * apart
    options = {"include_last_label": "randomized"}
    score = scores.RAPSConformityScore(size_raps=0.2)
    mapie, sets = of_mapie(score, calibration, mean, level, **options)
    fitted = mapie._mapie_classifier.conformity_score_function_
    penalty, k = float(np.ravel(fitted.lambda_star)[0]), int(np.ravel(fitted.k_star)[0])
    limit = float(fitted.quantiles_[0])
    own = raps(mean, mapies_numbers(700), penalty=penalty, unpenalised=k).numpy() <= limit
    differ = (own != sets).sum(axis=1)
    assert differ.max() <= 1
    assert differ[own.sum(axis=1) <= k].sum() == 0
    assert (own.sum(axis=1) > k).any() == (level == 99)


MEAN = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)


def test_scores_by_hand() -> None:
    u = torch.tensor([0.5], dtype=torch.float64)
    torch.testing.assert_close(lac(MEAN, u), torch.tensor([[0.8, 0.5, 0.7]]).double())
    torch.testing.assert_close(aps(MEAN, u), torch.tensor([[0.9, 0.25, 0.65]]).double())
    torch.testing.assert_close(raps(MEAN, u), torch.tensor([[0.92, 0.25, 0.66]]).double())
    torch.testing.assert_close(
        raps(MEAN, u, penalty=1.0, unpenalised=2), torch.tensor([[1.9, 0.25, 0.65]]).double()
    )


def test_tied_classes_are_in_their_order() -> None:
    scores = aps(torch.full((1, 4), 0.25), torch.zeros(1))
    assert scores.tolist() == [[0.25, 0.5, 0.75, 1.0]]


def test_uniform_numbers_are_that_and_those_of_a_position() -> None:
    whole = uniform_numbers(SEEDS["measured"], 0, 5000)
    assert stats.kstest(whole.numpy(), "uniform").pvalue > 0.01
    for first in (0, 1, 2, 3, 4, 1000, 4999):
        assert torch.equal(uniform_numbers(SEEDS["measured"], first, 1), whole[first : first + 1])
    calibration = uniform_numbers(SEEDS["calibration"], 0, 5000)
    assert abs(np.corrcoef(whole, calibration)[0, 1]) < 0.05
