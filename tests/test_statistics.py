from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.statistics import mean_with_interval


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_interval_is_scipys(count: int, confidence: float) -> None:
    values = np.random.default_rng(count).normal(5, 2, count)
    mean, lower, upper = mean_with_interval(values, confidence)
    expected = stats.t.interval(confidence, count - 1, loc=values.mean(), scale=stats.sem(values))
    assert mean == values.mean()
    assert (lower, upper) == pytest.approx(expected)


def test_interval_by_hand() -> None:
    # The 97.5 % quantile of Student's t with one degree of freedom is tan(0.475 π) = 12.7062.
    mean, lower, upper = mean_with_interval(np.array([0.0, 2.0]))
    assert mean == 1
    assert (lower, upper) == pytest.approx((1 - 12.7062, 1 + 12.7062), abs=1e-4)


def test_equal_replicates_have_an_interval_without_width() -> None:
    assert mean_with_interval(np.array([0.25, 0.25, 0.25])) == (0.25, 0.25, 0.25)


def test_one_replicate_has_no_interval() -> None:
    mean, lower, upper = mean_with_interval(np.array([3.0]))
    assert mean == 3
    assert math.isnan(lower)
    assert math.isnan(upper)


def test_no_replicate_has_nothing() -> None:
    assert all(math.isnan(value) for value in mean_with_interval(np.array([])))


@pytest.mark.parametrize("values", [[1.0, np.inf], [np.inf, np.inf], [np.inf]])
def test_infinite_value_is_not_hidden_and_has_no_interval(values: list[float]) -> None:
    mean, lower, upper = mean_with_interval(np.array(values))
    assert mean == math.inf
    assert math.isnan(lower)
    assert math.isnan(upper)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    intervals = [mean_with_interval(random.normal(size=4)) for _ in range(2000)]
    covered = np.mean([lower < 0 < upper for _, lower, upper in intervals])
    assert covered == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 2000))
