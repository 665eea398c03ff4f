"""Noise against the moments of its distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from benchmarks.corruptions.appearance import impulse_noise, shot_noise
from tests.corruptions.support import generator, grey


@pytest.mark.parametrize("value", [0.2, 0.5, 1.0])
def test_shot_noise_counts_photons_up_to_three(value: float) -> None:
    noisy = shot_noise(grey(value, 100), generator())
    expected = [*poisson.pmf([0, 1, 2], 3 * value), poisson.sf(2, 3 * value)]
    counts, shares = np.unique(np.rint(3 * noisy), return_counts=True)
    assert counts.tolist() == [0, 1, 2, 3]
    assert shares / noisy.size == pytest.approx(expected, abs=0.006)


def test_shot_noise_leaves_black_pixels_black() -> None:
    assert not shot_noise(grey(0.0), generator()).any()


def test_impulse_noise_breaks_17_percent_of_the_pixels_half_of_them_white() -> None:
    noisy = impulse_noise(grey(0.5, 100), generator())
    assert np.unique(noisy).tolist() == [0, 0.5, 1]
    for value in (0, 1):
        assert (noisy == value).mean() == pytest.approx(0.085, abs=0.004)


def test_noise_is_independent_from_pixel_to_pixel() -> None:
    for function in (shot_noise, impulse_noise):
        noisy = function(grey(0.5, 50), generator())
        neighbours = np.corrcoef(noisy[:, :, 1:].ravel(), noisy[:, :, :-1].ravel())[0, 1]
        assert abs(neighbours) < 0.02
        assert not (noisy[0] == noisy[1]).all()
