"""Every measure of a resample is that of the images drawn into it, computed by the metrics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from benchmarks.inference.bootstrap.binned import BinnedImages
from benchmarks.inference.bootstrap.ranks import Detection, Selection
from benchmarks.inference.bootstrap.weights import BLOCK, image_weights, weighted_means
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.inference.bootstrap import binned
from benchmarks.metrics import calibration, detection, selective

Floats = NDArray[np.float64]
Weights = NDArray[np.uint8]

CASES = range(40)


def scores_of(case: int, images: int) -> Floats:
    """Anything from no ties to nothing but ties, with infinite values among them."""
    random = np.random.default_rng(case)
    scores = random.normal(size=images)
    if case % 4:
        scores = np.round(scores * (8, 2, 0.3)[case % 4 - 1])
    if case % 5 == 0:
        scores[random.integers(images)] = random.choice([-np.inf, np.inf])
    return scores


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


def size_of(case: int) -> int:
    return int(np.random.default_rng(case).integers(1, 30))


@pytest.mark.parametrize("case", CASES)
def test_detection(case: int) -> None:
    n, p = size_of(case), size_of(case + 100)
    scores = scores_of(case, n + p)
    negative, positive = weights_of(case, n), weights_of(case + 1, p)
    result = Detection.of(scores[:n], scores[n:]).measures(negative, positive)
    for b, (i, j) in enumerate(zip(copies(negative), copies(positive), strict=True)):
        both = torch.from_numpy(np.concatenate([scores[:n][i], scores[n:][j]]))
        flags = torch.arange(len(both)) >= len(i)
        expected = [
            measure(both, flags)
            for measure in (detection.auroc, detection.aupr_out, detection.aupr_in, detection.fpr95)
        ]
        assert result[:, b] == pytest.approx(expected, rel=1e-12)
        assert (result[0, b], result[3, b]) == (expected[0], expected[3])


@pytest.mark.parametrize("case", [1, 2, 3])
def test_detection_is_scikit_learns_with_weights(case: int) -> None:
    scores, weights = scores_of(case, 60), weights_of(1, 60)
    kinds = np.arange(60) >= 25
    result = Detection.of(scores[:25], scores[25:]).measures(weights[:25], weights[25:])
    for b, weight in enumerate(weights.T):
        assert result[0, b] == pytest.approx(roc_auc_score(kinds, scores, sample_weight=weight))
        for row, (flags, score) in ((1, (kinds, scores)), (2, (~kinds, -scores))):
            expected = average_precision_score(flags, score, sample_weight=weight)
            assert result[row, b] == pytest.approx(expected)


@pytest.mark.parametrize("case", CASES)
def test_selection(case: int) -> None:
    images = size_of(case)
    uncertainty, weights = scores_of(case, images), weights_of(case, images)
    correct = np.random.default_rng(case).random(images) < 0.7
    result = Selection.of(uncertainty, correct).measures(weights)
    for b, drawn in enumerate(copies(weights)):
        of_drawn = torch.from_numpy(uncertainty[drawn]), torch.from_numpy(correct[drawn])
        expected = [
            detection.auroc(of_drawn[0], ~of_drawn[1]),
            selective.aurc(*of_drawn),
            selective.augrc(*of_drawn),
        ]
        assert result[:, b] == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_binned_measures(case: int) -> None:
    images = 8 * size_of(case)
    random = np.random.default_rng(case)
    confidence = random.beta(4, 1, images).round((2, 1, 16)[case % 3])
    correct = random.random(images) < confidence
    weights = weights_of(case, images)
    bins_of = (calibration.equal_width_bins, calibration.equal_mass_bins)[case % 2]
    bins = bins_of(torch.from_numpy(confidence), torch.from_numpy(correct))
    filled = BinnedImages.of(confidence, correct, bins.upper.numpy()).fill(weights)
    for b, drawn in enumerate(copies(weights)):
        # The resample in the bins of the images themselves, which is what `_fill` is for.
        again = calibration._fill(
            bins.upper[:-1], torch.from_numpy(confidence[drawn]), torch.from_numpy(correct[drawn])
        )
        for name in (
            *("expected_calibration_error", "maximum_calibration_error"),
            *("debiased_calibration_error", "debiased_squared_calibration_error"),
        ):
            result, expected = getattr(binned, name)(filled)[b], getattr(calibration, name)(again)
            assert result == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_means() -> None:
    contributions = np.random.default_rng(0).normal(size=(3, 20))
    weights = weights_of(1, 20)
    result = weighted_means(contributions, weights)
    for b, drawn in enumerate(copies(weights)):
        assert result[:, b] == pytest.approx(contributions[:, drawn].mean(axis=1))


def test_each_resample_draws_as_many_images_as_there_are() -> None:
    blocks = list(image_weights(50, 2 * BLOCK + 3, seed=1))
    assert [block.shape for block in blocks] == [(50, BLOCK), (50, BLOCK), (50, 3)]
    weights = np.concatenate(blocks, axis=1)
    assert (weights.sum(axis=0) == 50).all()
    assert len(np.unique(weights, axis=1).T) == weights.shape[1]
    # Multinomial: the mean is 1, the variance 1 - 1/n, the covariance -1/n.
    moments = np.cov(weights)
    assert weights.mean(axis=1) == pytest.approx(1, abs=5 / np.sqrt(2 * BLOCK))
    assert np.diag(moments).mean() == pytest.approx(1 - 1 / 50, abs=0.05)
    assert moments[~np.eye(50, dtype=bool)].mean() == pytest.approx(-1 / 50, abs=0.002)


def test_seed_decides_and_the_number_of_resamples_does_not() -> None:
    few = np.concatenate(list(image_weights(30, 10, seed=3)), axis=1)
    many = np.concatenate(list(image_weights(30, 500, seed=3)), axis=1)
    other = np.concatenate(list(image_weights(30, 10, seed=4)), axis=1)
    assert (many[:, :10] == few).all()
    assert (other != few).any()
