"""Intervals over networks, against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.claims.intervals import Interval, over_networks, share_of_networks


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
