"""Bands of curves against curves of resampled images, closed forms, and known truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.inference.bands import (
    image_draws,
    roc_curve,
    wilson_interval,
)
from tests.metrics import reference

RATES = np.arange(21) ** 2 / 400

Floats = NDArray[np.float64]


def copies(values: NDArray[np.generic], drawn: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.repeat(values, drawn))


def percentiles(curves: list[Floats]) -> Floats:
    return np.percentile(curves, [2.5, 97.5], axis=0)


def roc_of_resample(clean: torch.Tensor, ood: torch.Tensor) -> Floats:
    """By the metric, given the images as often as they are drawn."""
    both = torch.cat([clean, ood])
    curve = reference.roc_curve(both, torch.arange(len(both)) >= len(clean))
    return np.interp(RATES, *curve)


@pytest.fixture(params=["distinct", "tied"])
def scores(request: pytest.FixtureRequest) -> tuple[Floats, Floats]:
    random = np.random.default_rng(3)
    clean, ood = random.normal(size=80), random.normal(1, size=60)
    if request.param == "tied":
        return clean.round(), ood.round()
    return clean, ood


def test_roc_band_is_that_of_resampled_images(scores: tuple[Floats, Floats]) -> None:
    clean, ood = scores
    draws = image_draws(80, 50, seed=1), image_draws(60, 50, seed=2)
    expected = percentiles(
        [
            roc_of_resample(copies(clean, one), copies(ood, other))
            for one, other in zip(*(each.T for each in draws), strict=True)
        ]
    )
    curve = roc_curve(clean, ood, draws, RATES)
    np.testing.assert_allclose(curve[1:], expected, atol=1e-12)
    itself = roc_of_resample(torch.from_numpy(clean), torch.from_numpy(ood))
    np.testing.assert_allclose(curve[0], itself, atol=1e-12)


def test_wilson_interval_is_that_of_statsmodels() -> None:
    count = np.array([1, 1, 10, 10, 10, 10_000, 10_000])
    right = np.array([0, 1, 0, 4, 10, 9_999, 5_000])
    expected = proportion_confint(right, count, method="wilson")
    np.testing.assert_allclose(wilson_interval(right / count, count), expected, atol=1e-12)


RUNS, IMAGES, RESAMPLES = 400, 400, 400


@pytest.mark.slow
def test_roc_bands_cover_the_true_curve_in_95_percent_of_simulations() -> None:
    """Of normal scores one standard deviation apart: Φ(1 + Φ⁻¹(rate))."""
    random = np.random.default_rng(6)
    rates = np.array([0.1, 0.25, 0.5])
    bands = [
        roc_curve(
            *(random.normal(size=IMAGES), random.normal(1, size=IMAGES)),
            tuple(image_draws(IMAGES, RESAMPLES, 2 * run + kind) for kind in range(2)),
            rates,
        )
        for run in range(RUNS)
    ]
    truth = stats.norm.cdf(1 + stats.norm.ppf(rates))
    covered = np.mean([(lower <= truth) & (truth <= upper) for _, lower, upper in bands], axis=0)
    # 400 runs: 95 % has a standard error of 1.1 %.
    assert np.abs(covered - 0.95).max() < 0.035
