"""Paired differences between methods on the same resampled images, and Holm's correction."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from benchmarks.inference.estimate import (
    Estimate,
    Replicates,
    estimate,
    varies,
    without_rounding,
)


def paired(
    one: Replicates, other: Replicates, covariance: Float64[np.ndarray, "both both"], images: int
) -> Estimate:
    """The mean of ``one`` less that of ``other``, where replicates of a position share networks.

    ``covariance``: between the replicates of ``one``, then of ``other``, over resampled images.

    Raises:
        ValueError: there are not equally many of both.

    >>> independent = np.diag([2.0, 1.0])
    >>> apart = paired(np.array([5.0]), np.array([3.0]), independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    if len(one) != len(other):
        raise ValueError(
            f"{len(one)} and {len(other)} replicates cannot be paired; expected equally many"
        )
    contrast = np.hstack([np.eye(len(one)), -np.eye(len(one))])
    between = without_rounding(contrast @ covariance @ contrast.T, covariance)
    return estimate(one - other, between, images)


def effect_size(difference: Estimate, images: int) -> float:
    """A difference of means over images, in standard deviations of the images' own differences.

    Cohen's d for pairs (Cohen 1988, section 2.3.5): of an image, the difference is that of the
    means over replicates; the standard deviation is √images times the images' part of the standard
    error. NaN where all images differ alike.
    """
    std = np.sqrt(images) * difference.image_error
    return float(difference.value / std) if varies(std, difference.value) else float("nan")


def holm(p_values: Float64[np.ndarray, " tests"]) -> Float64[np.ndarray, " tests"]:
    """p-values corrected for their number (Holm 1979), in the same order; NaN are no tests.

    max_{j ≤ i} min(1, (m − j + 1) p_(j)) for the i-th smallest of m. Whatever the dependence of the
    tests, the probability of any false rejection is at most the level that corrected values are
    compared with.

    >>> holm(np.array([0.03, 0.01, 0.5])).tolist()
    [0.06, 0.03, 0.5]
    """
    corrected = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(~np.isnan(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return corrected
