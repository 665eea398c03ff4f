"""From replicates, and their covariances over resampled images, to an interval.

Replicates and images are *crossed*: all replicates judge the same images. With a_r what is peculiar
to replicate r, c to the images and (ac)_r to both, the mean of R replicates has the variance

    Var(a) / R + Var(c) + Var(ac) / R.

Its first and last part together are s² / R, with s the replicates' standard deviation on the images
at hand; Var(c) is what different replicates have in common, the mean of their covariances over the
resampled images. (McCullagh 2000 shows that no single resampling gives this variance; drawing both
replicates and images anew, the pigeonhole bootstrap, counts Var(ac) / R three times: Owen 2007.)
Percentiles of so few replicates are too narrow, so the interval is Student's t with the degrees of
freedom of Satterthwaite 1946.

It covers the draw of images, and with several replicates that of networks and masks. Not covered
is, with one replicate, how another would have turned out: fifty networks make one ensemble. Where
replicates have something else in common (the training images, one test set that whole fields have
chosen methods by), no interval sees it. Masks of a pass are shared by all its images, so that the
Monte-Carlo error of MC-dropout is seen over replicates only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy import stats

CONFIDENCE = 0.95

Replicates = Float64[np.ndarray, " replicates"]
Covariance = Float64[np.ndarray, "replicates replicates"]


class Estimate(NamedTuple):
    """A mean over replicates, and how sure it is.

    Attributes:
        error: its standard error; NaN where it is not known.
        degrees: of freedom.
        image_error: the part of the standard error that the draw of images causes.
    """

    value: float
    error: float
    degrees: float
    image_error: float

    @property
    def half_width(self) -> float:
        """Half of the width of the 95 % interval around the value."""
        return float(stats.t.ppf((1 + CONFIDENCE) / 2, self.degrees)) * self.error

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis that the value is 0; NaN where no resample differs."""
        if self.error == 0:
            return 1.0 if self.value == 0 else math.nan
        return 2 * float(stats.t.sf(abs(self.value) / self.error, self.degrees))


def estimate(values: Replicates, covariance: Covariance, images: int) -> Estimate:
    """The mean of the replicates and its standard error, from both replicates and images.

    Var = s² / R + mean_{r ≠ r'} cov(r, r'), the latter not below 0; ν = Var² / Σ (part² / degrees
    of the part), with R − 1 and images − 1. One replicate: cov(1, 1), that is, the images alone.

    ``covariance``: of the replicates' values over resampled images, see `Spread`.

    >>> found = estimate(np.array([1.0, 3.0]), np.array([[2.0, 0.5], [0.5, 2.0]]), images=100)
    >>> found.value, round(found.error**2, 6), round(found.degrees, 2)
    (2.0, 1.5, 2.24)
    """
    count = len(values)
    of_images = float(covariance.sum()) / count**2
    if count == 1:
        parts = [(of_images, images - 1)]
    else:
        shared = float(covariance.sum() - covariance.trace()) / (count * (count - 1))
        parts = [(float(values.var(ddof=1)) / count, count - 1), (max(shared, 0.0), images - 1)]
    variance = sum(part for part, _ in parts)
    uncertain = sum(part**2 / degrees for part, degrees in parts if part > 0)
    return Estimate(
        value=float(values.mean()),
        error=math.sqrt(variance),
        degrees=variance**2 / uncertain if uncertain else math.inf,
        image_error=math.sqrt(max(of_images, 0.0)),
    )
