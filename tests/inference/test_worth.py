"""Worth in networks: by hand, and of contestants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.headline import Headline
from benchmarks.inference.intervals import TOO_FEW, Estimate, Networks, Part, joined
from benchmarks.inference.worth import (
    FEWER,
    IMAGES_ONLY,
    MORE,
    NO_GAIN,
    NOT_FINITE,
    Worth,
    worth,
    worth_of,
)
from benchmarks.nouns import Contestant
from tests.measuring import MEASURES, Floats, known_of

SIZES = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50)


def exact(values: dict[int, float], of_method: float, spread: float = 0.0) -> Worth:
    """The worth where only replicates vary: five of the method and of each size, around a mean."""
    parts = joined(2 * Networks.of(spread * np.array([-2.0, -1, 0, 1, 2])).parts)
    apart = {size: Estimate(of_method - value, parts) for size, value in values.items()}
    return worth(apart, Estimate(values[max(values)] - values[min(values)], parts))


def test_size_is_interpolated_in_its_logarithm() -> None:
    found = exact({1: 0.0, 10: 1.0, 50: 1.5}, of_method=0.5)
    assert found.networks == pytest.approx(math.sqrt(10))
    assert (found.lower, found.upper) == pytest.approx((math.sqrt(10), math.sqrt(10)))
    assert found.reason == ""


@pytest.mark.parametrize(("exponent", "size"), [(0.5, 4), (1, 7), (2, 3)])
def test_size_is_that_of_the_curve(exponent: float, size: int) -> None:
    curve = {each: 2 - 3 * each**-exponent for each in SIZES}
    found = exact(curve, of_method=2 - 3 * size**-exponent, spread=0.001)
    assert found.networks == pytest.approx(size, rel=0.02)


def test_curve_that_does_not_fit_is_made_monotone() -> None:
    found = exact({1: 0.0, 2: 1.0, 10: 1.0, 20: 0.9, 50: 2.0}, of_method=0.95, spread=0.01)
    assert found.networks == pytest.approx(2, rel=0.1)
    steps = exact({1: 0.0, 5: 0.1, 10: 0.2, 50: 5.0}, of_method=2.6, spread=0.01)
    assert steps.networks == pytest.approx(math.sqrt(500), rel=0.01)


@pytest.mark.parametrize(("value", "expected"), [(-0.1, FEWER), (1.6, MORE), (1.5, 50), (0.0, 1)])
def test_ends(value: float, expected: float) -> None:
    assert exact({1: 0.0, 10: 1.0, 50: 1.5}, of_method=value).networks == pytest.approx(expected)


def test_ensemble_itself_is_worth_its_size_exactly() -> None:
    equal, apart = Estimate(0.0, (Part(0.0, 4),)), Estimate(-0.1, (Part(0.1, 4),))
    gain = Estimate(1.0, (Part(0.1, 4),))
    assert worth({1: equal, 2: apart, 50: apart}, gain) == (1, 1, 1, "")


def test_interval_holds_the_sizes_from_which_the_difference_is_not_significant() -> None:
    """Both sides have the variance s² of five values: t of 8 degrees, times √(2 s² / 5)."""
    spread = 0.02
    found = exact({1: 0.0, 10: 1.0, 100: 2.0}, of_method=1.0, spread=spread)
    half = stats.t.ppf(0.975, 8) * math.sqrt(2 * spread**2 * 2.5 / 5)
    assert found.lower == pytest.approx(10 ** (1 - half))
    assert found.upper == pytest.approx(10 ** (1 + half))


def test_ends_that_are_not_significant_are_open() -> None:
    found = exact({1: 0.0, 10: 1.0, 50: 1.1}, of_method=0.99, spread=0.05)
    assert 1 < found.lower < 10
    assert found.upper == MORE
    assert exact({1: 0.0, 10: 1.0}, of_method=0.02, spread=0.05).lower == FEWER


def test_worth_is_undefined_where_size_does_not_help() -> None:
    found = exact({1: 1.0, 50: 0.0}, of_method=0.5)
    assert math.isnan(found.networks)
    assert found.reason == NO_GAIN
    # A gain that chance explains is none.
    assert exact({1: 0.0, 50: 0.02}, of_method=0.01, spread=0.05).reason == NO_GAIN


IMAGES = 500

NETWORK, MINE = (Contestant(name, "1", 1) for name in ("network", "mine"))
SCALE = [Contestant("ensemble", str(size), size) for size in (1, 2, 4, 10)]

NETWORKS = np.random.default_rng(0).normal(size=(20, IMAGES))
"""How wrong each is on each image: the error of M has the mean of theirs, squared 1 / M."""


def squares_of(size: int, count: int = 20) -> Floats:
    """Of disjoint ensembles."""
    blocks = NETWORKS[: count // size * size].reshape(-1, size, IMAGES)
    squares: Floats = blocks.mean(axis=1) ** 2
    return squares


LOSSES = {
    NETWORK: squares_of(1),
    MINE: NETWORKS.reshape(10, 2, IMAGES).mean(axis=1) ** 2,
    **{each: squares_of(int(each.members)) for each in SCALE},
}
"""`mine` is as good as two networks."""


def worth_in(
    losses: dict[Contestant, Floats], of: Contestant, measure: Headline = MEASURES["brier"], **how
) -> Worth:
    known = known_of(losses, measure, **how)
    ensembles = {int(each.members): known.contestants.index(each) for each in SCALE}
    return worth_of(known, known.contestants.index(of), ensembles)


def test_copy_of_the_network_is_worth_one_exactly() -> None:
    assert worth_in(LOSSES, NETWORK) == (1, 1, 1, "")
    assert worth_in(LOSSES, NETWORK, MEASURES["accuracy"]).reason == NO_GAIN  # it falls
    rights = {each: 1 - own for each, own in LOSSES.items()}
    assert worth_in(rights, NETWORK, MEASURES["accuracy"])[:3] == (1, 1, 1)


def test_method_as_good_as_two_networks_is_worth_two() -> None:
    found = worth_in(LOSSES, MINE)
    assert found.networks == pytest.approx(2, rel=0.1)
    assert found.lower < 2 < found.upper < 3
    assert found.reason == ""


def test_worth_is_undefined_for_the_reason_that_there_is() -> None:
    flat = LOSSES | {each: NETWORKS[: len(LOSSES[each])] ** 2 for each in SCALE}
    assert worth_in(flat, MINE).reason == NO_GAIN
    infinite = {MINE: {"value": math.inf}}
    assert worth_in(LOSSES, MINE, changes=infinite).reason == NOT_FINITE
    assert worth_in(LOSSES, NETWORK, changes=infinite) == (1, 1, 1, "")
    assert worth_in(LOSSES | {MINE: LOSSES[MINE][:1]}, MINE).reason == IMAGES_ONLY
    few = {SCALE[1]: {"undefined": 0.02}}
    assert worth_in(LOSSES, MINE, changes=few).reason == TOO_FEW
