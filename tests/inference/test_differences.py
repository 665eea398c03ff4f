"""Two contestants are compared on the networks that both have, an ensemble on those of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
import pytest
from scipy import stats

from benchmarks.headline import Headline
from benchmarks.inference.differences import UNPAIRED, Difference, difference, own_estimate
from benchmarks.inference.intervals import BORROWED, ONE_REPLICATE
from benchmarks.nouns import Contestant
from tests.measuring import MEASURES, Floats, known_of

IMAGES, NETWORKS = 40, 12

NETWORK, OTHER, FEW = (Contestant(name, "1", 1) for name in ("network", "other", "few"))
OF_ONE, OF_TWO, OF_FOUR, OF_ALL = (Contestant("ensemble", str(m), m) for m in (1, 2, 4, 12))
HALF, LONGER = (Contestant("network", "1", budget) for budget in (0.5, 5))
HALVES = Contestant("ensemble", "2", 1)

COUNTS = {
    **dict.fromkeys((NETWORK, OTHER, HALF, LONGER, OF_ONE), 12),
    **{FEW: 3, OF_TWO: 6, HALVES: 6, OF_FOUR: 3, OF_ALL: 1},
}
"""How many replicates each has."""

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=IMAGES)
LOSSES: Mapping[Contestant, Floats] = {
    each: IMAGE + RANDOM.normal(size=(count, IMAGES)) for each, count in COUNTS.items()
}
NLL = MEASURES["nll"]


def apart(
    first: Contestant,
    second: Contestant,
    others: Mapping[Contestant, Floats | dict[int, Floats]] = MappingProxyType({}),
    without: Collection[Contestant] = (),
    measure: Headline = NLL,
) -> Difference:
    losses = {each: own for each, own in (LOSSES | others).items() if each not in without}
    known = known_of(losses, measure)
    return difference(known, *map(known.contestants.index, (first, second)))


def values_of(contestant: Contestant) -> Floats:
    values: Floats = LOSSES[contestant].mean(axis=1)
    return values


def by_block(contestant: Contestant, ensembles: Contestant) -> Floats:
    """Of each ensemble: the mean of the contestant over its networks, less the ensemble."""
    count = COUNTS[ensembles]
    blocks: Floats = values_of(contestant).reshape(count, -1).mean(axis=1)
    return blocks - values_of(ensembles)


@pytest.mark.parametrize(
    ("first", "second"),
    [(NETWORK, OTHER), (LONGER, NETWORK), (HALF, OF_ONE), (HALVES, OF_TWO)],
)
def test_as_many_networks_are_paired_by_number_at_all_budgets(
    first: Contestant, second: Contestant
) -> None:
    found, count = apart(first, second), COUNTS[first]
    values = values_of(first) - values_of(second)
    assert found.estimate.value == pytest.approx(values.mean())
    networks, images = found.estimate.parts
    assert networks == pytest.approx((stats.sem(values), count - 1))
    covariance = np.cov(LOSSES[first] - LOSSES[second], ddof=0) / IMAGES
    shared = (covariance.sum() - covariance.trace()) / (count * (count - 1))
    error = pytest.approx(np.sqrt(max(shared, 0)), abs=2e-3)
    assert images == (error, IMAGES - 1)
    assert (found.is_known, found.note) == (True, "")


@pytest.mark.parametrize("first", [NETWORK, HALF])
def test_each_ensemble_gives_a_difference(first: Contestant) -> None:
    """Of its own networks; those of half a budget are compared with ensembles of such."""
    second = OF_TWO if first == NETWORK else HALVES
    expected, found = by_block(first, second), apart(first, second)
    assert found.estimate.value == pytest.approx(expected.mean())
    networks, images = found.estimate.parts
    assert networks == pytest.approx((stats.sem(expected), 5))
    means = [LOSSES[each].mean(axis=0) for each in (first, second)]
    error = np.std(means[0] - means[1]) / np.sqrt(IMAGES)
    assert images == pytest.approx((error, IMAGES - 1), rel=1e-3)
    assert found.note == ""


@pytest.mark.parametrize("pair", [(NETWORK, OTHER), (NETWORK, OF_TWO), (NETWORK, FEW)])
def test_sign_is_that_of_the_pair(pair: tuple[Contestant, Contestant]) -> None:
    there, back = apart(*pair).estimate, apart(*reversed(pair)).estimate
    assert (back.value, back.half_width) == pytest.approx((-there.value, there.half_width))


@pytest.mark.parametrize("alike", [True, False])
def test_few_ensembles_vary_as_smaller_ones_do(*, alike: bool) -> None:
    found = apart(NETWORK, OF_FOUR, without=() if alike else [OF_ONE])
    assert found.estimate.value == pytest.approx(by_block(NETWORK, OF_FOUR).mean())
    networks, _ = found.estimate.parts
    smaller = by_block(NETWORK, OF_TWO)
    share = by_block(NETWORK, OF_ONE).std() / smaller.std() if alike else 0
    growth = min(share, 1) + (1 - min(share, 1)) * (1 - 1 / 4) / (1 - 1 / 2)
    variance = smaller.var(ddof=1) * growth**2 * 2 / 4
    assert networks == pytest.approx((np.sqrt(variance / 3), 5))
    assert found.note == BORROWED.format(2)


def test_by_accuracy_nothing_is_borrowed() -> None:
    """Its variance falls more slowly than as 1 / M; one ensemble has an interval of images."""
    accuracy = MEASURES["accuracy"]
    known = known_of(LOSSES, accuracy)
    (images,) = own_estimate(known, known.contestants.index(OF_ALL)).parts
    assert images.degrees == IMAGES - 1
    found = apart(NETWORK, OF_ALL, measure=accuracy)
    assert (found.is_known, found.note) == (False, ONE_REPLICATE)
    few = apart(NETWORK, OF_FOUR, measure=accuracy)
    parts = [values_of(each) for each in (NETWORK, OF_FOUR)]
    welch = stats.ttest_ind(*parts, equal_var=False)
    assert few.estimate.parts[0].degrees == pytest.approx(welch.df)
    assert (few.is_known, few.note) == (False, "")
    # By others it is as that of ensembles of two.
    assert apart(NETWORK, OF_ALL).note == BORROWED.format(2)


@pytest.mark.parametrize("metric", ["nll", "accuracy"])
def test_equal_contestants_do_not_differ(metric: str) -> None:
    """An ensemble of one is the network alone."""
    same = {OF_ONE: LOSSES[NETWORK], OTHER: LOSSES[NETWORK]}
    for each in same:
        estimate = apart(NETWORK, each, same, measure=MEASURES[metric]).estimate
        assert (estimate.value, estimate.half_width) == (0, 0)


def test_ensembles_of_unknown_networks_are_left_out() -> None:
    left = {r: own for r, own in enumerate(LOSSES[NETWORK]) if r != 3}
    found = apart(NETWORK, OF_TWO, {NETWORK: left})
    kept = by_block(NETWORK, OF_TWO)[[0, 2, 3, 4, 5]]
    assert found.estimate.value == pytest.approx(kept.mean())


def test_only_the_same_replicates_are_paired_and_a_third_changes_nothing() -> None:
    for left in (range(11), range(1, 12)):
        fewer = {OTHER: {r: LOSSES[OTHER][r] for r in left}}
        found = apart(NETWORK, OTHER, fewer)
        welch = stats.ttest_ind(values_of(NETWORK), values_of(OTHER)[list(left)], equal_var=False)
        assert found.estimate.parts[0].degrees == pytest.approx(welch.df)
        assert found.note == UNPAIRED
        assert apart(NETWORK, OTHER, fewer, without=[FEW, OF_ONE, OF_ALL]) == found
    one = {FEW: LOSSES[FEW][:1]}
    assert apart(NETWORK, FEW, one).note == f"{UNPAIRED}; {ONE_REPLICATE}"


@pytest.mark.parametrize(
    ("first", "second", "without"),
    [
        pytest.param(NETWORK, HALVES, (), id="networks of another budget"),
        pytest.param(LONGER, OF_TWO, (), id="networks of another budget, too"),
        pytest.param(FEW, OF_ALL, (), id="of no ensemble are all networks known"),
        pytest.param(OF_FOUR, OF_ALL, (), id="fewer than five ensembles, and none smaller"),
        pytest.param(NETWORK, OF_FOUR, (OF_TWO,), id="nothing to borrow"),
    ],
)
def test_otherwise_both_are_independent(
    first: Contestant, second: Contestant, without: Collection[Contestant]
) -> None:
    found = apart(first, second, without=without)
    means = [values_of(each).mean() for each in (first, second)]
    assert found.estimate.value == pytest.approx(means[0] - means[1])
    known = known_of({k: v for k, v in LOSSES.items() if k not in without})
    own = [own_estimate(known, known.contestants.index(each)).parts for each in (first, second)]
    errors = [parts[0].error for parts in own if len(parts) == 2]
    assert found.estimate.parts[0].error == pytest.approx(np.sqrt(np.square(errors).sum()))
    assert found.estimate.parts[-1].degrees == IMAGES - 1
