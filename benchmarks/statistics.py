"""Intervals for the numbers in the tables."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats


def mean_with_interval(
    values: npt.NDArray[np.float64], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of independent replicates with Student's t interval: (mean, lower, upper).

    mean ± t_{(1+confidence)/2, n-1} · s / √n, with s the standard deviation of a sample (n - 1 in
    its denominator). The bounds are NaN for fewer than two values or an infinite one, the mean is
    NaN for none.

    >>> mean, lower, upper = mean_with_interval(np.array([1.0, 2.0, 3.0]))
    >>> f"{mean:.3f} in {lower:.3f} to {upper:.3f}"
    '2.000 in -0.484 to 4.484'
    """
    if len(values) == 0:
        return math.nan, math.nan, math.nan
    mean = float(np.mean(values))
    if len(values) < 2 or not math.isfinite(mean):
        return mean, math.nan, math.nan
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * error
    return mean, mean - half, mean + half
