from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.claims.ranks import Placements, auroc_interval, rank_correlation


def scores(seed: int, images: int, shift: float) -> np.ndarray:
    """Rounded, so that there are ties."""
    return np.random.default_rng(seed).normal(shift, 1, images).round(1)


def test_auroc_is_scikit_learns() -> None:
    negative, positive = scores(0, 200, 0), scores(1, 100, 1)
    placements = Placements.of(negative, positive)
    expected = roc_auc_score(np.repeat([0, 1], [200, 100]), np.concatenate([negative, positive]))
    assert placements.positives.mean() == pytest.approx(expected)
    assert placements.negatives.mean() == pytest.approx(expected)
    assert auroc_interval([placements]).value == pytest.approx(expected)


def test_difference_of_a_score_with_itself_is_certainly_nothing() -> None:
    placements = Placements.of(scores(0, 200, 0), scores(1, 100, 1))
    assert auroc_interval([placements - placements]) == (0, 0, 0)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Paired differences of two noisy copies of a score, as a mean over two sets."""
    random = np.random.default_rng(0)

    def auroc(deviation: float) -> float:
        return float(stats.norm.cdf(1 / math.sqrt(2 * (1 + deviation**2))))

    truth, covered, draws = auroc(0.5) - auroc(1.0), 0, 400
    for _ in range(draws):
        negative = random.normal(0, 1, 300)
        sets = []
        clean = [negative + d * random.normal(0, 1, 300) for d in (0.5, 1.0)]
        for _ in range(2):
            positive = random.normal(1, 1, 200)
            pair = [
                Placements.of(one, positive + d * random.normal(0, 1, 200))
                for one, d in zip(clean, (0.5, 1.0), strict=True)
            ]
            sets.append(pair[0] - pair[1])
        interval = auroc_interval(sets)
        covered += interval.lower < truth < interval.upper
    assert covered / draws == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / draws))


def test_mean_of_placements_is_the_mean_auroc() -> None:
    several = [Placements.of(scores(i, 50, 0), scores(i + 9, 40, 1)) for i in range(3)]
    mean = Placements.mean(several)
    expected = np.mean([one.positives.mean() for one in several])
    assert mean.positives.mean() == pytest.approx(expected)


def test_rank_correlation_is_scipys() -> None:
    one, other = scores(0, 200, 0), scores(1, 200, 0) + 0.5 * scores(0, 200, 0)
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


def test_constants_have_no_rank_correlation() -> None:
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
