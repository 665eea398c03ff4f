"""Intervals and differences against closed forms and other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.inference.evidence import Covariance
from benchmarks.inference.intervals import (
    Side,
    effect_size,
    estimate,
    mean,
    paired,
    unpaired,
)
from benchmarks.inference.resampling import image_weights
from benchmarks.metrics.metric import weighted_means


def over_images(rows: np.ndarray, resamples: int = 4000) -> np.ndarray:
    """The covariance of the rows' means over resampled images."""
    drawn = [weighted_means(rows, w) for w in image_weights(rows.shape[1], resamples, seed=0)]
    return np.atleast_2d(np.cov(np.hstack(drawn)))


def test_one_replicate_is_a_mean_over_images() -> None:
    row = np.random.default_rng(3).exponential(size=(1, 200))
    result = estimate(row.mean(axis=1), over_images(row, 20_000), 200)
    interval = stats.ttest_1samp(row[0], 0.9)
    expected = interval.confidence_interval(0.95)
    assert result.value == pytest.approx(row.mean())
    assert result.half_width == pytest.approx((expected.high - expected.low) / 2, rel=0.02)


def test_replicates_of_the_same_images_alone_are_students_t() -> None:
    values = np.array([0.3, 0.1, 0.2, 0.25])
    result = estimate(values, np.zeros((4, 4)), images=100)
    lower, upper = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert result.half_width == pytest.approx((upper - lower) / 2)
    # At the level of the test, the interval ends at 0.
    assert result.half_width_at(stats.ttest_1samp(values, 0).pvalue) == pytest.approx(values.mean())


def test_parts_of_the_crossed_design_by_hand() -> None:
    # Cov 4 between replicates, variance 9 of each: Var(c) = 4, Var(ac) = 5.
    covariance = np.full((3, 3), 4.0) + 5 * np.eye(3)
    result = estimate(np.array([1.0, 2.0, 6.0]), covariance, images=50)
    assert result.value == 3
    assert [part.degrees for part in result.parts] == [2, 49]
    assert [part.error**2 for part in result.parts] == pytest.approx([7 / 3, 4.0])
    assert result.image_error**2 == pytest.approx(4 + 5 / 3)


def test_at_a_lower_level_each_part_has_its_own_quantile() -> None:
    covariance = np.full((3, 3), 4.0) + 5 * np.eye(3)
    result = estimate(np.array([1.0, 2.0, 6.0]), covariance, images=50)
    for level in (0.05, 0.001):
        quantiles = stats.t.ppf(1 - level / 2, [2, 49])
        expected = math.sqrt((quantiles**2 * [7 / 3, 4.0]).sum())
        assert result.half_width_at(level) == pytest.approx(expected)
    assert result.half_width == pytest.approx(result.half_width_at(0.05))


def test_without_variation_there_is_no_width() -> None:
    assert estimate(np.array([0.5, 0.5]), np.zeros((2, 2)), images=9).half_width == 0
    assert estimate(np.array([0.5]), np.zeros((1, 1)), images=1).half_width == 0


def test_rounding_is_no_variation() -> None:
    rounding = np.array([[1e-34]])
    assert estimate(np.array([0.0943]), rounding, images=9).half_width == 0
    assert estimate(np.array([0.1 + 0.2, 0.3]), np.zeros((2, 2)), images=9).half_width == 0
    apart = paired(
        Side.of(np.array([0.5]), [0]),
        Side.of(np.array([0.4]), [1]),
        Covariance.between_replicates(np.diag([1e-34, 0])),
        images=9,
    )
    assert math.isnan(effect_size(apart, 9))
    # Small numbers that do vary are not rounding.
    assert estimate(np.array([1e-9]), np.array([[1e-20]]), images=9).half_width > 0


def test_difference_pairs_replicates_and_images() -> None:
    random = np.random.default_rng(5)
    image = random.normal(size=80)
    rows = image + random.normal(size=(6, 1)) * 0.3 + random.normal(size=(6, 80)) * 0.2
    means, covariance = rows.mean(axis=1), Covariance.between_replicates(over_images(rows))
    sides = Side.of(means[:3], range(3)), Side.of(means[3:], range(3, 6))
    result = paired(*sides, covariance, images=80)
    by_replicate = rows[:3] - rows[3:]
    assert result.value == pytest.approx(by_replicate.mean())
    assert result.parts[0].error == pytest.approx(stats.sem(by_replicate.mean(axis=1)))
    by_image = by_replicate.mean(axis=0)
    assert effect_size(result, 80) == pytest.approx(by_image.mean() / by_image.std(), rel=0.05)


def test_sides_of_other_networks_vary_each_on_its_own() -> None:
    rows = np.random.default_rng(6).normal(size=(7, 80))
    means, covariance = rows.mean(axis=1), Covariance.between_replicates(over_images(rows))
    sides = Side.of(means[:5], range(5)), Side.of(means[5:], range(5, 7))
    result, mirrored = (unpaired(*pair, covariance, images=80) for pair in (sides, sides[::-1]))
    assert result.value == pytest.approx(means[:5].mean() - means[5:].mean())
    assert result.half_width == pytest.approx(mirrored.half_width)
    welch = stats.ttest_ind(means[:5], means[5:], equal_var=False)
    assert [part.degrees for part in result.parts] == pytest.approx([welch.df, 79])
    assert result.parts[0].error == pytest.approx(abs(result.value / welch.statistic))


def test_what_sides_share_over_images_cancels() -> None:
    """Cov 4 within and across the sides, variance 9 of each replicate: nothing is left of c."""
    covariance = Covariance.between_replicates(np.full((4, 4), 4.0) + 5 * np.eye(4))
    sides = Side.of(np.array([1.0, 3.0]), [0, 1]), Side.of(np.array([2.0, 6.0]), [2, 3])
    result = unpaired(*sides, covariance, images=50)
    assert [part.error**2 for part in result.parts] == pytest.approx([5.0, 0.0])
    assert result.image_error**2 == pytest.approx(5 / 2 + 5 / 2)


def test_few_ensembles_vary_as_smaller_ones_do_by_the_ratio_of_the_sizes() -> None:
    sizes = {10: np.array([0.0, 1, 2, 3, 4]), 25: np.array([3.0, 4.0]), 2: np.arange(25.0)}
    side = Side.of(np.array([5.0, 7.0]), [0, 1], sizes, size=50)
    assert side.borrowed_from == 10
    assert side.networks == (pytest.approx(math.sqrt(2.5 * 10 / 50 / 2)), 4)
    estimated = mean(side, Covariance.between_replicates(np.full((2, 2), 4.0)), images=30)
    assert [part.degrees for part in estimated.parts] == [4, 29]
    # With five of its own it borrows nothing, and with no such sizes there is nothing to borrow.
    assert Side.of(np.arange(5.0), range(5), sizes, size=50).borrowed_from is None
    assert Side.of(np.array([5.0]), [0], {2: np.array([1.0])}, size=50).networks is None
