"""Intervals and rank statistics of claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.claims.intervals import (
    Interval,
    Placements,
    auroc_interval,
    over_networks,
    rank_correlation,
    share_of_networks,
)


def test_interval_over_networks_is_student_t() -> None:
    values = np.random.default_rng(0).normal(size=7)
    interval = over_networks(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval == pytest.approx((values.mean(), *expected))


def test_one_network_has_no_interval_and_so_decides_nothing() -> None:
    interval = over_networks([0.5])
    assert math.isnan(interval.lower)
    assert not interval.above(-10)
    assert not interval.below(10)


def test_interval_that_touches_a_bound_does_not_leave_it() -> None:
    interval = Interval(0.5, 0.25, 0.75)
    assert (interval.above(0.25), interval.above(0.2)) == (False, True)
    assert (interval.below(0.75), interval.below(0.8)) == (False, True)


def test_share_of_networks_is_clopper_pearson() -> None:
    share = share_of_networks([True] * 3 + [False] * 7)
    assert share.value == 0.3
    # Clopper & Pearson 1934: quantiles of the beta distribution.
    assert share[1:] == pytest.approx((stats.beta.ppf(0.025, 3, 8), stats.beta.ppf(0.975, 4, 7)))


def scores(seed: int, images: int, shift: float, networks: int = 1) -> np.ndarray:
    """Rounded, so that there are ties."""
    return np.random.default_rng(seed).normal(shift, 1, (networks, images)).round(1)


def test_aurocs_are_scikit_learns() -> None:
    negative, positive = scores(0, 200, 0, networks=3), scores(1, 100, 1, networks=3)
    placements = Placements.of(negative, positive)
    expected = [
        roc_auc_score(np.repeat([0, 1], [200, 100]), both)
        for both in np.concatenate([negative, positive], axis=1)
    ]
    np.testing.assert_allclose(placements.positives.mean(axis=1), expected)
    np.testing.assert_allclose(placements.negatives.mean(axis=1), expected)
    assert auroc_interval([placements]).value == pytest.approx(np.mean(expected))


def test_difference_of_a_score_with_itself_is_certainly_nothing() -> None:
    placements = Placements.of(scores(0, 200, 0), scores(1, 100, 1))
    assert auroc_interval([placements - placements]) == (0, 0, 0)


def test_several_networks_can_be_compared_with_one() -> None:
    many = Placements.of(scores(0, 200, 0, networks=4), scores(1, 100, 1, networks=4))
    one = Placements.of(scores(2, 200, 0), scores(3, 100, 1))
    difference = auroc_interval([many - one]).value
    assert difference == pytest.approx(many.positives.mean() - one.positives.mean())


@pytest.mark.slow
def test_interval_over_images_covers_the_truth_as_often_as_its_level() -> None:
    """Paired differences of two noisy copies of a score, as a mean over two sets."""
    random = np.random.default_rng(0)

    def auroc(std: float) -> float:
        return float(stats.norm.cdf(1 / math.sqrt(2 * (1 + std**2))))

    def noisy(score: np.ndarray, std: float) -> np.ndarray:
        return (score + std * random.normal(0, 1, score.shape))[None]

    truth, covered, draws = auroc(0.5) - auroc(1.0), 0, 400
    for _ in range(draws):
        negative = random.normal(0, 1, 300)
        clean = [noisy(negative, std) for std in (0.5, 1.0)]
        sets = []
        for positive in random.normal(1, 1, (2, 200)):
            one, other = (
                Placements.of(of_clean, noisy(positive, std))
                for of_clean, std in zip(clean, (0.5, 1.0), strict=True)
            )
            sets.append(one - other)
        interval = auroc_interval(sets)
        covered += interval.lower < truth < interval.upper
    assert covered / draws == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / draws))


def test_rank_correlation_is_scipys() -> None:
    one = scores(0, 200, 0)[0]
    other = scores(1, 200, 0)[0] + 0.5 * one
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


def test_constants_have_no_rank_correlation() -> None:
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
