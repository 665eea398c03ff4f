"""The points that a drawing needs, against the whole curve."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.run.figure_data.thinning import TOLERANCE, needed


@pytest.mark.parametrize("seed", range(5))
def test_lines_between_the_points_kept_are_as_good_as_the_curve(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = np.arange(51) ** 2 / 2500
    y = 0.03 * np.sort(random.beta(0.5, 2, 51))
    kept = needed(x, y)
    assert (kept[0], kept[-1]) == (0, 50)
    assert kept == sorted(set(kept))
    lines = np.interp(x, x[kept], y[kept])
    assert np.abs(lines - y).max() <= TOLERANCE * y.max()


def test_a_smooth_curve_needs_few_points_and_a_straight_one_its_ends() -> None:
    x = np.linspace(0, 1, 51)
    assert needed(x, x) == [0, 50]
    assert needed(x, np.zeros(51)) == [0, 50]
    assert len(needed(x, x**0.2)) < 20


def test_an_outlier_is_kept() -> None:
    x, y = np.linspace(0, 1, 51), np.zeros(51)
    y[20] = 1
    assert needed(x, y) == [0, 19, 20, 21, 50]
