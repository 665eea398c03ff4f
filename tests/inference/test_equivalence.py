"""The margin of equivalence by hand, and how often chance alone makes two methods equivalent."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inference.evidence import Covariance, Entrant, Evidence
from benchmarks.inference.intervals import MetricValues, Side, unpaired
from benchmarks.inference.worth import margins
from benchmarks.metrics import METRICS

IMAGES = 200

SHORT_AND_LONG = [
    pytest.param(400, (0.02, 0.08), id="short"),
    pytest.param(4000, (0.035, 0.06), id="long", marks=pytest.mark.long),
]


def measured(metric: str, values: np.ndarray) -> MetricValues:
    """A measure of units whose images vary not at all."""
    none = Covariance.between_replicates(np.zeros((len(values), len(values))))
    return MetricValues(METRICS[metric], "", Evidence("clean", None, IMAGES), {}, none)


def of_sizes(means: dict[str, float], spread: float) -> tuple[np.ndarray, dict[Entrant, Side]]:
    around, sides, values = spread * np.array([-2.0, -1, 0, 1, 2]), {}, []
    for position, (size, mean) in enumerate(means.items()):
        columns = range(5 * position, 5 * position + 5)
        values.append(mean + around)
        sides[Entrant("standard", "deep_ensemble", size)] = Side.of(mean + around, columns)
    return np.concatenate(values), sides


@pytest.mark.parametrize(
    ("metric", "means", "expected"),
    [
        ("accuracy", {"1": 0.90, "50": 0.95}, 0.005),
        ("accuracy", {"1": 0.949, "50": 0.95}, METRICS["accuracy"].margin),  # not below the floor
        ("nll", {"1": 0.5, "10": 0.45, "50": 0.4}, 0.01),
        ("accuracy", {"1": 0.95, "50": 0.90}, None),  # more networks do not help
        ("accuracy", {"50": 0.95}, None),
        ("ece", {"1": 0.5, "50": 0.4}, None),  # biased
        ("mutual_information", {"1": 0.5, "50": 0.4}, None),  # no value is better
    ],
)
def test_margin_is_a_tenth_of_the_gain(
    metric: str, means: dict[str, float], expected: float | None
) -> None:
    values, sides = of_sizes(means, spread=1e-5)
    found = margins(measured(metric, values), sides, ["deep_ensemble"])
    assert found == ({} if expected is None else {"standard": pytest.approx(expected)})
    assert margins(measured(metric, values), sides, []) == {}


def test_every_margin_is_of_a_metric_that_is_tested() -> None:
    tested = [one for one in METRICS.values() if one.better and not one.biased]
    assert all(one.margin > 0 for one in tested)
    assert all(one.margin == 0 for one in METRICS.values() if one not in tested)


def drawn(random: np.random.Generator, apart: float) -> tuple[Side, Side, Covariance]:
    """Two methods of five replicates each, whose means differ by so much."""
    image = random.normal(size=IMAGES)
    rows = image + 0.2 * random.normal(size=(10, 1)) + 0.5 * random.normal(size=(10, IMAGES))
    rows[:5] += apart
    means = rows.mean(axis=1)
    covariance = Covariance.between_replicates(np.cov(rows) / IMAGES)
    return Side.of(means[:5], range(5)), Side.of(means[5:], range(5, 10)), covariance


@pytest.mark.parametrize(("draws", "bounds"), SHORT_AND_LONG)
def test_equal_methods_differ_as_rarely_as_the_level(
    draws: int, bounds: tuple[float, float]
) -> None:
    random = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        one, other, covariance = drawn(random, 0.0)
        found.append(unpaired(one, other, covariance, IMAGES).p_value < 0.05)
    assert bounds[0] <= np.mean(found) <= bounds[1]


@pytest.mark.parametrize(("draws", "bounds"), SHORT_AND_LONG)
@pytest.mark.parametrize("side", [1, -1])
def test_methods_that_differ_by_the_margin_are_equivalent_at_most_at_the_level(
    draws: int, bounds: tuple[float, float], side: int
) -> None:
    random, margin = np.random.default_rng(1), 1.0
    found = []
    for _ in range(draws):
        one, other, covariance = drawn(random, side * margin)
        found.append(max(unpaired(one, other, covariance, IMAGES).p_within(margin)) < 0.05)
    assert bounds[0] <= np.mean(found) <= bounds[1]
