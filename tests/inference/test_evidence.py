"""Sums of rows give what the covariances between all replicates give."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.inference.differences import Difference
from benchmarks.inference.evidence import (
    BlockMean,
    Covariance,
    Entrant,
    Evidence,
    MeasuredUnit,
    MetricSums,
    Scored,
    network_blocks,
)
from benchmarks.inference.intervals import (
    Estimate,
    MetricValues,
    Side,
    mean,
    paired,
    unpaired,
)
from benchmarks.inference.resampling import Frame
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from methods.determinism import one_torch_thread
from tests.measuring import known_of
from tests.runs import CONDITIONS

IMAGES = 40

REPLICATES = {("a", None): 6, ("b", None): 6, ("c", None): 3, ("e", 2): 4, ("f", 2): 4, ("e", 4): 1}
"""By method and size; `e` and `f` are of ensembles, all others of one network."""

UNITS = [
    RunUnit(method, size, size or 1, replicate)
    for (method, size), count in REPLICATES.items()
    for replicate in range(count)
]
ENSEMBLES = ("e", "f")

Floats = NDArray[np.float64]


def entrant(unit: RunUnit) -> Entrant:
    return Entrant(unit.method, str(unit.size or 1), unit.budget)


def losses() -> dict[RunUnit, Floats]:
    """Of each image; what an image, a network and both have in common is of every method."""
    random = np.random.default_rng(0)
    image, networks = random.normal(size=IMAGES), random.normal(size=(8, IMAGES))
    return {
        unit: image + networks[unit.replicate] + 0.3 * random.normal(size=IMAGES) for unit in UNITS
    }


LOSSES = losses()


def evidence_of(units: Collection[RunUnit]) -> Evidence:
    losses = {unit: {("nll", ""): LOSSES[unit]} for unit in units}
    return known_of(losses, CONDITIONS["clean"], ensemble_methods=ENSEMBLES)


def by_sums(units: Collection[RunUnit], *methods: tuple[str, int | None]) -> Estimate:
    """Of one method, or of the difference of two."""
    known = evidence_of(units)
    measured = MetricValues.of(known, "nll", list(known.metrics["nll"].values))
    scored = [Scored(Entrant(name, str(size or 1), size or 1), "") for name, size in methods]
    if len(scored) == 1:
        return mean(measured.side(scored[0]), measured.covariance, IMAGES)
    pair = scored[0], scored[1]
    return difference_of(measured, pair)


def difference_of(measured: MetricValues, pair: tuple[Scored, Scored]) -> Estimate:
    sides = {scored: measured.side(scored) for scored in pair}
    return Difference.of(measured, pair, sides, ENSEMBLES).estimate


def replicates(
    units: Collection[RunUnit], methods: Collection[tuple[str, int | None]], among: Collection[int]
) -> tuple[list[Side], Covariance]:
    """Sides of these replicates, and the covariance between all of them."""
    of_each = [
        [unit for unit in units if (unit.method, unit.size) == method and unit.replicate in among]
        for method in methods
    ]
    every = [unit for own in of_each for unit in own]
    covariance = np.atleast_2d(np.cov([LOSSES[unit] for unit in every], ddof=0)) / IMAGES
    sides = [
        Side.of(
            np.array([LOSSES[unit].mean() for unit in own]), [every.index(unit) for unit in own]
        )
        for own in of_each
    ]
    return sides, Covariance.between_replicates(covariance)


def assert_same(found: Estimate, expected: Estimate) -> None:
    assert found.value == pytest.approx(expected.value)
    assert found.parts == pytest.approx(np.array(expected.parts), rel=1e-5)
    assert found.image_error == pytest.approx(expected.image_error, rel=1e-5)


@pytest.mark.parametrize("method", REPLICATES)
def test_mean(method: tuple[str, int | None]) -> None:
    (side,), covariance = replicates(UNITS, [method], range(6))
    assert_same(by_sums(UNITS, method), mean(side, covariance, IMAGES))


@pytest.mark.parametrize(
    ("method", "other", "common"),
    [
        (("a", None), ("b", None), range(6)),
        (("a", None), ("c", None), range(3)),  # the first ones, which both have
        (("e", 2), ("f", 2), range(4)),
    ],
)
def test_difference_of_replicates_that_share_networks(
    method: tuple[str, int | None], other: tuple[str, int | None], common: range
) -> None:
    sides, covariance = replicates(UNITS, [method, other], common)
    assert_same(by_sums(UNITS, method, other), paired(*sides, covariance, IMAGES))


@pytest.mark.parametrize("other", [("e", 2), ("e", 4)])
def test_difference_of_replicates_that_share_none(other: tuple[str, int | None]) -> None:
    sides, covariance = replicates(UNITS, [("a", None), other], range(6))
    assert_same(by_sums(UNITS, ("a", None), other), unpaired(*sides, covariance, IMAGES))


def test_pairs_are_those_of_the_replicates_that_have_predictions() -> None:
    left = [unit for unit in UNITS if (unit.method, unit.replicate) != ("b", 2)]
    sides, covariance = replicates(left, [("a", None), ("b", None)], (0, 1, 3, 4, 5))
    assert_same(by_sums(left, ("a", None), ("b", None)), paired(*sides, covariance, IMAGES))


def test_pairs_are_those_of_two_methods_whatever_a_third_has() -> None:
    """`c` has replicates that `a` and `b` both have, beside others that only one has."""
    own = {"a": range(4), "b": range(1, 5), "c": (1, 2)}
    units = [unit for unit in UNITS if unit.replicate in own.get(unit.method, ())]
    alone = [unit for unit in units if unit.method != "c"]
    pair = ("a", None), ("b", None)
    assert_same(by_sums(units, *pair), by_sums(alone, *pair))


def test_means_over_images_vary_as_their_values_do() -> None:
    clean = CONDITIONS["clean"]
    family = METRICS["nll"].family([METRICS["nll"]])
    frame = Frame({"clean": IMAGES}, CONDITIONS, resamples=0, seed=0)
    prepared = np.stack([LOSSES[unit] for unit in UNITS])
    rows, undefined = frame.rows(family, prepared, clean)
    assert rows @ rows.T == pytest.approx(np.cov(prepared, ddof=0) / IMAGES)
    assert undefined.tolist() == [0.0] * len(UNITS)


def test_mean_over_conditions_has_what_each_has() -> None:
    block = next(iter(network_blocks([UNITS[0], UNITS[6]], ENSEMBLES)))
    rows = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    mean_rows = BlockMean()
    for row, others in zip(rows, ({"x": 1.0}, {}), strict=True):
        measured = {UNITS[0]: {("nll", ""): MeasuredUnit(row[0], row.copy(), row[0] / 4)}}
        measured[UNITS[0]] |= {("ece", k): MeasuredUnit(v, row) for k, v in others.items()}
        mean_rows.add(measured)
    (measures,) = mean_rows.finish().values()
    assert list(measures) == [("nll", "")]
    assert measures["nll", ""].value == 1.5
    assert measures["nll", ""].row.tolist() == rows.mean(axis=0).tolist()
    assert measures["nll", ""].undefined == 0.75
    assert len(block.summed) == 2


def test_images_that_two_methods_exchange_in_one_replicate_are_shared_by_none() -> None:
    """The difference of two accuracies of one value, which no other replicate has."""
    right = np.random.default_rng(1).random((2, IMAGES)) < 0.9
    right[:, :2] = True, False
    units = [unit for unit in UNITS if unit.method in ("a", "b") and unit.replicate < 2]
    values = {unit: right[unit.replicate].astype(float) for unit in units}
    values[units[-1]][:2] = values[units[-1]][:2][::-1]
    losses = {unit: {("accuracy", ""): each} for unit, each in values.items()}
    known = known_of(losses, CONDITIONS["clean"], ensemble_methods=ENSEMBLES)
    pair = Scored(entrant(units[0]), ""), Scored(entrant(units[-1]), "")
    apart = difference_of(MetricValues.of(known, "accuracy", pair), pair)
    assert (apart.value, apart.half_width) == (0, 0)
    assert apart.image_error > 0


@pytest.mark.parametrize("threads", [2, 7])
def test_covariances_do_not_depend_on_the_threads_of_numpy(threads: int) -> None:
    methods = [Scored(Entrant(f"method-{k}", "1", 1), "") for k in range(97)]
    rows = np.random.default_rng(0).normal(size=(97, 20_000)).astype(np.float32)
    units = {
        RunUnit(each.variant.method, None, 1, 0): {each: MeasuredUnit(0.0, row)}
        for each, row in zip(methods, rows, strict=True)
    }
    (block,) = network_blocks(units, ())

    def covariance(count: int) -> Covariance:
        sums = MetricSums()
        with one_torch_thread(), threadpool_limits(count):
            sums.add(block, units)
            return sums.covariance(sums.columns(methods))

    one, several = covariance(1), covariance(threads)
    assert np.array_equal(one.every, several.every)
    assert np.array_equal(one.matched, several.matched)
