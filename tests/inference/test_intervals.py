"""Intervals of one contestant against closed forms, a simulation and SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.headline import HEADLINE
from benchmarks.inference.collected import Collected
from benchmarks.inference.evidence import Drawn, Entry, ReplicateSums, mean_over
from benchmarks.inference.intervals import (
    ALIKE,
    BORROWED,
    FEW_OF_A_KIND,
    TOO_FEW,
    Interval,
    Networks,
    interval_of,
    joined,
)
from benchmarks.nouns import Contestant
from tests.measuring import Floats, unit_of


def moments_of(replicates: Iterable[Floats], **changes: Any) -> ReplicateSums:
    moments = ReplicateSums()
    for values in replicates:
        moments.add(unit_of(values, **changes))
    return moments


def interval(replicates: Floats, metric: str = "nll", **changes: Any) -> Interval:
    images, moments = replicates.shape[1], moments_of(replicates, **changes)
    networks = Networks.of(np.array(moments.values))
    return interval_of(metric, moments, Drawn(images, images), networks)


def crossed(random: np.random.Generator, replicates: int, images: int) -> Floats:
    """Effects of replicates, of images and of both, of the variances 0.04, 1 and 4."""
    own = random.normal(size=(replicates, images)) * 2
    return own + random.normal(size=images) + 0.2 * random.normal(size=(replicates, 1))


def test_one_replicate_is_a_mean_over_images() -> None:
    values = np.random.default_rng(3).exponential(size=200)
    expected = stats.t.ppf(0.975, 199) * values.std() / math.sqrt(200)
    assert interval(values[None]).half_width == pytest.approx(expected, rel=1e-6)


def test_replicates_of_images_that_are_alike_are_students_t() -> None:
    values = np.array([0.3, 0.1, 0.2, 0.25])
    lower, upper = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    found = interval(np.repeat(values[:, None], 50, axis=1))
    assert found.half_width == pytest.approx((upper - lower) / 2)


def test_parts_are_those_of_the_crossed_design() -> None:
    """The image part is the mean covariance between different replicates."""
    replicates = crossed(np.random.default_rng(0), 3, 300)
    covariance = np.cov(replicates, ddof=0) / 300
    shared = (covariance.sum() - covariance.trace()) / 6
    own = stats.sem(replicates.mean(axis=1))
    expected = np.hypot(
        stats.t.ppf(0.975, 2) * own, stats.t.ppf(0.975, 299) * math.sqrt(max(shared, 0))
    )
    assert interval(replicates).half_width == pytest.approx(expected, rel=1e-5)


def test_variance_of_the_mean_is_that_of_a_simulation() -> None:
    """It is unbiased: of networks and images drawn anew, in 2,000 worlds."""
    random, squares, means = np.random.default_rng(1), [], []
    for _ in range(2000):
        replicates = crossed(random, 4, 50)
        covariance = np.cov(replicates, ddof=0) / 50
        between = (covariance.sum() - covariance.trace()) / 12
        squares.append(replicates.mean(axis=1).var(ddof=1) / 4 + between)
        found = moments_of(replicates).shared_variance
        assert found == pytest.approx(max(between, 0), rel=1e-4)
        means.append(replicates.mean())
    truth = 0.04 / 4 + 1 / 50 + 4 / 200
    assert np.var(means) == pytest.approx(truth, rel=0.1)
    assert np.mean(squares) == pytest.approx(truth, rel=0.05)


def test_replicates_that_exchange_images_share_none() -> None:
    """Two accuracies of one value; rounding in single precision is no covariance."""
    right = np.random.default_rng(1).random((2, 40)) < 0.9
    right[:, :2] = (True, False), (False, True)
    right[1, 2:] = right[0, 2:]
    apart = right[:1] - right.astype(float)
    assert moments_of(apart + 0.5).shared_variance == 0


def test_value_that_never_varies_has_no_interval() -> None:
    for constant in (0.5, 0.1 + 0.2, 1 / 3):
        found = interval(np.full((3, 40), constant))
        assert (math.isnan(found.half_width), found.reason) == (True, ALIKE)
    # Small numbers that do vary are not rounding.
    small = 1e-9 + 1e-10 * np.random.default_rng(0).normal(size=(1, 40))
    assert interval(small).half_width > 0


def test_images_of_one_kind_may_be_too_few() -> None:
    values = np.random.default_rng(0).normal(size=(2, 29))
    assert interval(values, "auroc").reason == FEW_OF_A_KIND
    assert interval(values).reason == ""
    assert interval(values, undefined=0.009).reason == ""
    assert interval(values, undefined=0.011).reason == TOO_FEW


def test_infinite_value_has_no_interval_and_no_other_reason() -> None:
    found = interval(np.random.default_rng(0).normal(size=(3, 40)), value=math.inf)
    assert (math.isnan(found.half_width), found.reason) == (True, "")


def test_few_ensembles_vary_as_smaller_ones_do_by_the_ratio_of_the_sizes() -> None:
    sizes = {10: np.array([0.0, 1, 2, 3, 4]), 25: np.array([3.0, 4.0]), 2: np.arange(25.0)}
    networks = Networks.of(np.array([5.0, 7.0]), sizes, 50)
    assert networks.parts == ((pytest.approx(math.sqrt(2.5 * 10 / 50 / 2)), 4),)
    assert networks[1:] == (10, True)
    # With five of its own it borrows nothing, and with no such sizes there is nothing to borrow.
    assert Networks.of(np.arange(5.0), sizes, 50).borrowed_from is None
    two, one = (Networks.of(np.arange(count) + 5.0, {2: np.array([1.0])}, 50) for count in (2, 1))
    assert two == (((pytest.approx(0.5), 1),), None, False)
    assert one == ((), None, False)


def test_networks_of_two_sides_have_welchs_degrees() -> None:
    first, second = np.random.default_rng(6).normal(size=(2, 7)) * [[1], [3]]
    parts = [Networks.of(values).parts[0] for values in (first, second[:4])]
    welch = stats.ttest_ind(first, second[:4], equal_var=False)
    (found,) = joined(parts)
    assert found.degrees == pytest.approx(welch.df)
    error = abs((first.mean() - second[:4].mean()) / welch.statistic)
    assert found.error == pytest.approx(error)


@pytest.mark.parametrize(("metric", "borrows"), [("nll", True), ("accuracy", False)])
@pytest.mark.parametrize("budgets", [(2, 10), (2, 5), (1, 5)])
def test_ensembles_borrow_of_those_with_networks_of_the_same_budget_unless_by_accuracy(
    metric: str, budgets: tuple[float, float], *, borrows: bool
) -> None:
    """Accuracy falls more slowly than as 1 / M, and networks of half a budget are other ones."""
    random = np.random.default_rng(0)
    replicates = {2: random.normal(size=(10, 60)), 10: random.normal(size=(2, 60))}
    collected = Collected("clean", dict.fromkeys(HEADLINE, "clean"))
    collected.drawn = dict.fromkeys((False, True), Drawn(60, 60))
    for (size, own), budget in zip(replicates.items(), budgets, strict=True):
        each = Contestant("ensemble", str(size), budget)
        for number, values in enumerate(own):
            measures = {(metric, ""): unit_of(values)}
            collected.add(Entry(each, size, is_scale=True), number, measures, [""])
    found = collected.intervals()[("ensemble", "10", budgets[1], "clean", "", metric)]
    borrowed = BORROWED.format(2) if borrows and budgets != (2, 5) else ""
    assert found.note == borrowed
    own = replicates[10].mean(axis=1)
    part = stats.t.ppf(0.975, 1) * stats.sem(own)
    if borrowed:
        variance = replicates[2].mean(axis=1).var(ddof=1) * 2 / 10 / 2
        part = stats.t.ppf(0.975, 9) * math.sqrt(variance)
    images = math.sqrt(max(np.cov(replicates[10], ddof=0)[0, 1] / 60, 0.0))
    expected = math.hypot(part, stats.t.ppf(0.975, 59) * images)
    assert found.half_width == pytest.approx(expected, rel=1e-4)


def test_mean_over_conditions_has_what_each_has() -> None:
    first, second = (unit_of(np.arange(k, k + 3.0), undefined=k / 4) for k in (0, 3))
    both = [{("nll", ""): first, ("ece", ""): first}, {("nll", ""): second}]
    (mean,) = mean_over(both).items()
    assert mean[0] == ("nll", "")
    assert mean[1].value == 2.5
    assert mean[1].row == pytest.approx((first.row + second.row) / 2)
    assert mean[1].undefined == 0.75
