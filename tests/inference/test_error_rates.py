"""How often the rule is wrong, of contestants whose true values are known.

Few draws of small ones; ``tests/benchmarks/simulate_rule.py`` has many, of more kinds.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.simulate_rule import SIZED, WORTHS, Scenario, repeated, worths
from tests.inference.per_image_model import ROTATED

DRAWS, LEVEL = 200, 0.05


def three_errors(draws: int) -> float:
    """Of a rate that is the level."""
    return float(3 * np.sqrt(LEVEL * (1 - LEVEL) / draws))


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(Scenario(8, 5, 300, log_sd=1.0), id="unequal variances"),
        pytest.param(Scenario(8, 5, 300, by_images=3.0, writers=60), id="images of writers"),
        pytest.param(Scenario(8, 5, 300, by_images=0.01, copies=3), id="near copies"),
        pytest.param(Scenario(8, 5, 300, ensembles=True), id="ensembles beside networks"),
    ],
)
def test_best_is_in_its_set_and_intervals_hold_all_differences_to_one(scenario: Scenario) -> None:
    every = [repeated(scenario, seed, redraws=1000) for seed in range(DRAWS)]
    best = np.mean([counts.best for counts in every])
    assert abs(best - (1 - LEVEL)) <= three_errors(DRAWS)
    assert np.mean([counts.missed for counts in every]) <= LEVEL + three_errors(DRAWS)
    assert np.mean([counts.size for counts in every[::SIZED]]) < scenario.contestants - 1


def test_interval_of_worth_holds_it() -> None:
    draws = 40
    every = [worths(ROTATED, 5, seed) for seed in range(draws)]
    held = [
        [each.lower <= k <= each.upper for each, k in zip(own, WORTHS, strict=True)]
        for own in every
    ]
    assert np.min(np.mean(held, axis=0)) >= 1 - LEVEL - three_errors(draws)
    medians = np.median([[each.networks for each in own] for own in every], axis=0)
    assert medians == pytest.approx(WORTHS, rel=0.1)
