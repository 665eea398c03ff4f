"""From replicates, and their covariances over resampled images, to an interval.

Replicates and images are *crossed*: all replicates predict the same images. With the effects a_r of
replicate r, c of the images and (ac)_r of both, the mean of R replicates has the variance

    Var(a) / R + Var(c) + Var(ac) / R.

Its first and last part together are s² / R, with s the replicates' standard deviation on the images
at hand; Var(c), common to all replicates, is the mean of their covariances over the resampled
images. (No single resampling gives this variance: McCullagh 2000. Drawing both replicates and
images anew, the pigeonhole bootstrap, counts Var(ac) / R three times: Owen 2007.) Percentiles of so
few replicates are too narrow. So each part gets Student's t of its own degrees of freedom, and the
half-widths are added in quadrature (Howe 1974, JASA 69): in simulation 95 to 96.5 % of such
intervals cover the truth from five replicates on, whatever the parts' ratio; with Satterthwaite's
degrees of freedom, as little as 94 %.

The interval covers the draw of images, and with several replicates that of networks and masks. With
one replicate it does not cover how another would differ: fifty networks are one ensemble. It never
covers what all replicates share: the training images, and the choice of methods by this test set.
Masks of a pass are shared by all its images, so that the Monte-Carlo error of MC-dropout is
estimated from replicates only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq
from scipy.special import stdtrit

from benchmarks.vocabulary import CONFIDENCE

ROUNDING = 1e-12
"""A smaller spread, relative to the value or to 1, is rounding of a constant."""

SMALLEST = 700.0
"""Minus the logarithm of the smallest p-value distinguished from 0."""

Replicates = Float64[np.ndarray, " replicates"]
Covariance = Float64[np.ndarray, "replicates replicates"]


class Part(NamedTuple):
    """A standard error of one source, and its degrees of freedom."""

    error: float
    degrees: int


class Estimate(NamedTuple):
    """A mean over replicates with its standard error.

    Attributes:
        parts: of its standard error: from the replicates, if there are several, and the images.
        image_error: its standard error for fixed replicates, over the images alone.
    """

    value: float
    parts: tuple[Part, ...]
    image_error: float

    @property
    def half_width(self) -> float:
        """Half of the width of the 95 % interval around the value; 0 if it is only rounding."""
        half_width = self._half_width(1 - CONFIDENCE)
        return half_width if varies(half_width, self.value) else 0.0

    @property
    def p_value(self) -> float:
        """Two-sided: the level at which the interval ends at 0; NaN where nothing varies."""
        if self.value == 0:
            return 1.0
        if self.half_width == 0:
            return math.nan if varies(abs(self.value), 1) else 1.0

        def beyond(minus_log: float) -> float:
            return self._half_width(math.exp(-minus_log)) - abs(self.value)

        return math.exp(-brentq(beyond, 0, SMALLEST)) if beyond(SMALLEST) > 0 else 0.0

    def _half_width(self, level: float) -> float:
        return math.hypot(*(part.error * stdtrit(part.degrees, level / 2) for part in self.parts))


def varies(spread: float, value: float) -> bool:
    """Whether a spread around a value is more than rounding.

    >>> varies(1e-9, 0.1), varies(1e-17, 0.1), varies(1e-9, 1e6)
    (True, False, False)
    """
    return spread > ROUNDING * max(1.0, abs(value))


def estimate(values: Replicates, covariance: Covariance, images: int) -> Estimate:
    """The mean of the replicates and its standard error, from both replicates and images.

    The parts are s / √R with R − 1 degrees of freedom, and √ mean_{r ≠ r'} cov(r, r'), the mean not
    below 0, with images − 1. One replicate has √ cov(1, 1) alone: the images.

    ``covariance``: of the replicates' values over resampled images, see `ResampleCovariance`.

    >>> mean = estimate(np.array([1.0, 3.0]), np.array([[2.0, 0.5], [0.5, 2.0]]), images=100)
    >>> mean.value, [(round(error**2, 6), degrees) for error, degrees in mean.parts]
    (2.0, [(1.0, 1), (0.5, 99)])
    """
    count, degrees = len(values), max(images - 1, 1)
    image_error = math.sqrt(max(float(covariance.sum()), 0.0)) / count
    if count == 1:
        return Estimate(float(values[0]), (Part(image_error, degrees),), image_error)
    shared = float(covariance.sum() - covariance.trace()) / (count * (count - 1))
    parts = (
        Part(float(values.std(ddof=1)) / math.sqrt(count), count - 1),
        Part(math.sqrt(max(shared, 0.0)), degrees),
    )
    return Estimate(float(values.mean()), parts, image_error)
