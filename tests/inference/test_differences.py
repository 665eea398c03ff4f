"""An ensemble is compared with another method on the networks of each ensemble."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.inference.differences import Difference
from benchmarks.inference.evidence import Entrant, Scored
from benchmarks.inference.intervals import BORROWED, MetricValues, ensembles_of, sides_of
from benchmarks.predictions import RunUnit
from tests.measuring import known_of
from tests.runs import CONDITIONS

IMAGES, NETWORKS = 40, 12
ENSEMBLES = ("ensemble",)

Losses = NDArray[np.float64]

UNITS = [
    RunUnit(method, size, size or 1, replicate)
    for method, size in [("network", None), *(("ensemble", size) for size in (1, 2, 4, 12))]
    for replicate in range(NETWORKS // (size or 1))
]

OF_OTHER_BUDGETS = [
    RunUnit(method, size, budget, replicate)
    for method, size, budget in [("network", None, 0.5), ("network", None, 5), ("ensemble", 2, 1)]
    for replicate in range(NETWORKS // (size or 1))
]

RANDOM = np.random.default_rng(0)
LOSSES = {unit: RANDOM.normal(size=IMAGES) for unit in [*UNITS, *OF_OTHER_BUDGETS]}
VALUES = {(unit.size, unit.replicate): LOSSES[unit].mean() for unit in UNITS}
NO_ENSEMBLES_OF_ONE = [unit for unit in UNITS if unit.size != 1]

NETWORK = Scored(Entrant("network", "1", 1), "")
OF_ONE, OF_TWO, OF_FOUR, OF_ALL = (
    Scored(Entrant("ensemble", str(size), size), "") for size in (1, 2, 4, 12)
)
HALF, LONGER = (Scored(Entrant("network", "1", budget), "") for budget in (0.5, 5))
HALVES = Scored(Entrant("ensemble", "2", 1), "")


def difference(
    first: Scored,
    second: Scored,
    units: Collection[RunUnit] = UNITS,
    others: Mapping[RunUnit, Losses] = MappingProxyType({}),
) -> Difference:
    known = known_of(
        {unit: {("nll", ""): others.get(unit, LOSSES[unit])} for unit in units},
        CONDITIONS["clean"],
        ensemble_methods=ENSEMBLES,
    )
    measured = MetricValues.of(known, "nll", list(known.metrics["nll"].values))
    return Difference.of(measured, (first, second), sides_of(measured, ENSEMBLES), ENSEMBLES)


def by_hand(size: int, blocks: Collection[int]) -> Losses:
    return np.array(
        [
            np.mean([VALUES[None, block * size + k] for k in range(size)]) - VALUES[size, block]
            for block in blocks
        ]
    )


def test_each_ensemble_gives_a_difference() -> None:
    expected, found = by_hand(2, range(6)), difference(NETWORK, OF_TWO)
    assert found.estimate.value == pytest.approx(expected.mean())
    networks, images = found.estimate.parts
    assert networks == pytest.approx((expected.std(ddof=1) / np.sqrt(6), 5))
    means = [
        np.mean([LOSSES[unit] for unit in UNITS if unit.size == size], axis=0) for size in (None, 2)
    ]
    error = np.std(means[0] - means[1]) / np.sqrt(IMAGES)
    assert images == pytest.approx((error, IMAGES - 1), rel=1e-5)
    assert found.note == ""


def test_sign_is_that_of_the_pair() -> None:
    there, back = difference(NETWORK, OF_TWO).estimate, difference(OF_TWO, NETWORK).estimate
    assert (back.value, back.half_width) == pytest.approx((-there.value, there.half_width))


@pytest.mark.parametrize(("units", "alike"), [(UNITS, True), (NO_ENSEMBLES_OF_ONE, False)])
def test_few_ensembles_vary_as_smaller_ones_do(units: Collection[RunUnit], alike: bool) -> None:
    found = difference(NETWORK, OF_FOUR, units)
    assert found.estimate.value == pytest.approx(by_hand(4, range(3)).mean())
    networks, _ = found.estimate.parts
    smaller = by_hand(2, range(6))
    share = by_hand(1, range(12)).std() / smaller.std() if alike else 0
    growth = min(share, 1) + (1 - min(share, 1)) * (1 - 1 / 4) / (1 - 1 / 2)
    variance = smaller.var(ddof=1) * growth**2 * 2 / 4
    assert networks == pytest.approx((np.sqrt(variance / 3), 5))
    assert found.note == BORROWED.format(2)


def test_equal_methods_do_not_differ() -> None:
    """An ensemble of one is the network alone."""
    same = {
        unit: LOSSES[replace(unit, method="network", size=None)] for unit in UNITS if unit.size == 1
    }
    estimate = difference(NETWORK, OF_ONE, UNITS, same).estimate
    assert (estimate.value, estimate.half_width) == (0, 0)


def test_ensembles_of_unknown_networks_are_left_out() -> None:
    left = [unit for unit in UNITS if (unit.method, unit.replicate) != ("network", 3)]
    found = difference(NETWORK, OF_TWO, left)
    assert found.estimate.value == pytest.approx(by_hand(2, [0, 2, 3, 4, 5]).mean())


def values_of(scored: Scored) -> Losses:
    method, members, budget = scored.variant
    own = [u for u in LOSSES if (u.method, str(u.size or 1), u.budget) == (method, members, budget)]
    return np.array([LOSSES[unit].mean() for unit in own])


@pytest.mark.parametrize(
    ("first", "second", "count"), [(LONGER, NETWORK, 12), (HALF, OF_ONE, 12), (HALVES, OF_TWO, 6)]
)
def test_as_many_networks_are_paired_by_number_at_all_budgets(
    first: Scored, second: Scored, count: int
) -> None:
    found = difference(first, second, LOSSES)
    assert found.common == set(range(count))
    values = values_of(first) - values_of(second)
    assert found.estimate.value == pytest.approx(values.mean())
    assert found.estimate.parts[0] == pytest.approx(
        (values.std(ddof=1) / np.sqrt(count), count - 1)
    )


@pytest.mark.parametrize(
    ("first", "second", "are_paired"),
    [(HALF, HALVES, True), (NETWORK, HALVES, False), (LONGER, OF_TWO, False)],
)
def test_networks_of_ensembles_are_those_of_one_budget(
    first: Scored, second: Scored, *, are_paired: bool
) -> None:
    found = difference(first, second, LOSSES)
    assert (found.common, found.blocks is not None) == (None, are_paired)
    if are_paired:
        blocks = values_of(first).reshape(-1, 2).mean(axis=1) - values_of(second)
        assert found.estimate.parts[0].error == pytest.approx(blocks.std(ddof=1) / np.sqrt(6))


def test_ensembles_of_the_scale_are_of_networks_of_budget_1() -> None:
    found = ensembles_of([NETWORK, HALVES, OF_ALL, OF_TWO], ENSEMBLES)
    assert found == {("ensemble", ""): {2: OF_TWO, 12: OF_ALL}}
    assert ensembles_of([HALVES, OF_ALL], ENSEMBLES) == {}


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        pytest.param(NETWORK, OF_ALL, UNITS[1:], id="of no ensemble are all networks known"),
        pytest.param(OF_FOUR, OF_ALL, UNITS, id="fewer than five ensembles, and none smaller"),
        pytest.param(NETWORK, OF_FOUR, [u for u in UNITS if u.size != 2], id="nothing to borrow"),
    ],
)
def test_otherwise_both_are_independent(
    first: Scored, second: Scored, left: Collection[RunUnit]
) -> None:
    found = difference(first, second, left)
    assert found.blocks is None
    means = [
        np.mean(
            [LOSSES[u].mean() for u in left if (u.method, str(u.size or 1)) == scored.variant[:2]]
        )
        for scored in (first, second)
    ]
    assert found.estimate.value == pytest.approx(means[0] - means[1])
