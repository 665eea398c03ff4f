"""Intervals, differences and corrections against closed forms and other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.inference.comparisons import holm
from benchmarks.inference.evidence import Covariance
from benchmarks.inference.intervals import (
    Estimate,
    Part,
    Side,
    effect_size,
    estimate,
    mean,
    paired,
    unpaired,
)
from benchmarks.inference.resampling import image_weights
from benchmarks.metrics import METRICS
from benchmarks.metrics.metric import each_once, weighted_means
from benchmarks.metrics.ranking import Ranking
from benchmarks.metrics.selective import Selective


def over_images(rows: np.ndarray, resamples: int = 4000) -> np.ndarray:
    """The covariance of the rows' means over resampled images."""
    drawn = [weighted_means(rows, w) for w in image_weights(rows.shape[1], resamples, seed=0)]
    return np.atleast_2d(np.cov(np.hstack(drawn)))


def test_standard_error_is_scipys_bootstrap() -> None:
    random = np.random.default_rng(2)
    uncertainty, correct = random.normal(size=60), random.random(60) < 0.6

    def aurc_of(weights: np.ndarray, images: np.ndarray) -> np.ndarray:
        ranking = Ranking.by(uncertainty[images], ~correct[images])
        return Selective([METRICS["aurc"]]).evaluate(ranking, weights, weights)[0]

    every = np.arange(60)
    drawn = [aurc_of(weights, every) for weights in image_weights(60, 4000, seed=1)]

    def aurc(drawn: np.ndarray) -> float:
        return float(aurc_of(each_once(60), drawn)[0])

    result = stats.bootstrap(
        (every,), aurc, n_resamples=2000, vectorized=False, rng=random, method="basic"
    )
    error = np.concatenate(drawn).std(ddof=1)
    assert error == pytest.approx(float(result.standard_error), rel=0.06)


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
    assert result.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_parts_of_the_crossed_design_by_hand() -> None:
    # Cov 4 between replicates, variance 9 of each: Var(c) = 4, Var(ac) = 5.
    covariance = np.full((3, 3), 4.0) + 5 * np.eye(3)
    result = estimate(np.array([1.0, 2.0, 6.0]), covariance, images=50)
    assert result.value == 3
    assert [part.degrees for part in result.parts] == [2, 49]
    assert [part.error**2 for part in result.parts] == pytest.approx([7 / 3, 4.0])
    assert result.image_error**2 == pytest.approx(4 + 5 / 3)


def test_p_value_is_the_level_at_which_the_interval_ends_at_zero() -> None:
    covariance = np.full((4, 4), 0.1) + 0.05 * np.eye(4)
    values = np.random.default_rng(4).normal(size=4)
    result = estimate(values - values.mean(), covariance, images=100)
    shifted = estimate(values - values.mean() + result.half_width, covariance, images=100)
    assert shifted.p_value == pytest.approx(0.05)
    assert estimate(values - values.mean() + 1e9, covariance, images=100).p_value < 1e-9


@pytest.mark.parametrize("degrees", [*np.linspace(1, 10, 181), 2.4237195697657112])
def test_p_value_is_known_for_all_degrees_of_freedom(degrees: float) -> None:
    """SciPy's quantiles of very small probabilities are NaN for some of them."""
    for value in (0.011125167780404635, 3.0, 1e9):
        parts = Part(0.011660614145346752, degrees), Part(0.010442637524742431, 199)
        assert 0 <= Estimate(value, parts, 0.0138).p_value <= 1
    alone = Estimate(2.0, (Part(0.1, degrees),), 0.1)
    assert alone.p_value == pytest.approx(2 * stats.t.sf(20, degrees))


def test_without_variation_there_is_no_p_value_unless_the_difference_is_zero() -> None:
    none = np.zeros((2, 2))
    assert estimate(np.array([0.0, 0.0]), none, images=9).p_value == 1
    assert math.isnan(estimate(np.array([0.5, 0.5]), none, images=9).p_value)
    assert estimate(np.array([0.5, 0.5]), none, images=9).half_width == 0
    assert estimate(np.array([0.5]), np.zeros((1, 1)), images=1).half_width == 0


def test_rounding_is_no_variation() -> None:
    rounding = np.array([[1e-34]])
    assert estimate(np.array([0.0943]), rounding, images=9).half_width == 0
    assert math.isnan(estimate(np.array([0.0943]), rounding, images=9).p_value)
    assert estimate(np.array([1e-16]), rounding, images=9).p_value == 1
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


@pytest.mark.parametrize("seed", range(10))
def test_holm_is_statsmodels(seed: int) -> None:
    p_values = np.random.default_rng(seed).random(12) ** 4
    p_values[3] = p_values[7]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm(np.insert(p_values, 4, np.nan))[4:6] == pytest.approx(
        [math.nan, holm(p_values)[4]], nan_ok=True
    )


def test_one_sided_tests_are_students_t() -> None:
    values = np.array([0.3, 0.1, 0.2, 0.25])
    result = estimate(values, np.zeros((4, 4)), images=100)
    for bound in (0.1, values.mean(), 0.3):
        expected = stats.ttest_1samp(values, bound, alternative="greater").pvalue
        assert result.p_above(bound) == pytest.approx(expected)


def test_equivalence_is_two_one_sided_tests() -> None:
    values = np.array([0.01, -0.02, 0.03, 0.0, 0.01])
    result = estimate(values, np.zeros((5, 5)), images=100)
    for margin in (0.005, 0.02, 0.05):
        lower, upper = (
            stats.ttest_1samp(values, bound, alternative=side).pvalue
            for bound, side in ((-margin, "greater"), (margin, "less"))
        )
        assert result.p_within(margin) == pytest.approx((lower, upper))
    # Equivalent at 5 % where the 90 % interval lies within the margin.
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    widest = max(abs(interval.low), abs(interval.high))
    assert max(result.p_within(widest)) == pytest.approx(0.05)


def test_certain_difference_is_equivalent_where_it_is_within_the_margin() -> None:
    certain = estimate(np.array([0.5]), np.zeros((1, 1)), images=9)
    assert max(certain.p_within(0.6)) == 0
    assert max(certain.p_within(0.4)) == 1
