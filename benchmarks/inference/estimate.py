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
degrees of freedom, as little as 94 %. Only the networks of two sides, each known by replicates of
its own, have Welch's degrees of freedom together: in quadrature, five and five would cover 98 %.

The interval covers the draw of images, and with several replicates that of networks and masks. With
one replicate it does not cover how another would differ, unless this is known: of few large
ensembles, from many small ones. It never covers what all replicates share: the training images, and
the choice of methods by this test set. Masks of a pass are shared by all its images, so that the
Monte-Carlo error of MC-dropout is estimated from replicates only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq
from scipy.special import stdtrit

from benchmarks.vocabulary import CONFIDENCE, FEWEST_REPLICATES

ROUNDING = 1e-12
"""A smaller spread, relative to the value or to 1, is rounding of a constant."""

CANCELLED = 2e-15
"""What is left of numbers that cancel is rounding below this, relative to them."""

SMALLEST = 200.0
"""Minus the logarithm of the smallest p-value distinguished from 0, 1e-87.

From 1e-109 on, quantiles of Student's t by SciPy are wrong or NaN for some degrees of freedom.
"""

Replicates = Float64[np.ndarray, " replicates"]
Covariance = Float64[np.ndarray, "replicates replicates"]
Variances = Float64[np.ndarray, "*any"]


class Part(NamedTuple):
    """A standard error of one source, and its degrees of freedom."""

    error: float
    degrees: float


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
        return self._level(abs(self.value))

    def p_above(self, bound: float) -> float:
        """One-sided: how likely so large a value is where the truth is the bound.

        Half of the level at which the two-sided interval ends at the bound.
        """
        distance = self.value - bound
        if self.half_width == 0 or distance == 0:
            return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
        level = self._level(abs(distance)) / 2
        return level if distance > 0 else 1 - level

    def p_within(self, margin: float) -> float:
        """Of two one-sided tests that the truth is within ± margin (Schuirmann 1987), the larger p.

        Below 0.05 where the 90 % interval lies within the margin.
        """
        mirrored = self._replace(value=-self.value)
        return max(self.p_above(-margin), mirrored.p_above(-margin))

    def _level(self, width: float) -> float:
        """The level whose interval has this half-width."""

        def beyond(minus_log: float) -> float:
            return self._half_width(math.exp(-minus_log)) - width

        return math.exp(-brentq(beyond, 0, SMALLEST)) if beyond(SMALLEST) > 0 else 0.0

    def _half_width(self, level: float) -> float:
        return math.hypot(*(part.error * stdtrit(part.degrees, level / 2) for part in self.parts))


class Side(NamedTuple):
    """Replicates of a method.

    Attributes:
        values: of each replicate.
        columns: their columns of the covariance over resampled images.
        networks: how their mean varies with the networks; ``None`` where this is not known.
        borrowed_from: the size of the ensembles by which it is known, if not by the replicates.
    """

    values: Replicates
    columns: Sequence[int]
    networks: Part | None = None
    borrowed_from: int | None = None

    @classmethod
    def of(
        cls,
        values: Replicates,
        columns: Sequence[int],
        smaller: Mapping[int, Replicates] | None = None,
        size: int = 1,
    ) -> Side:
        """The side of some replicates.

        Five or more vary as they are seen to. How fewer ensembles vary with their networks is known
        by the largest smaller size that has five, times the ratio of the sizes: the variance of a
        smooth function of the mean over M networks is proportional to 1 / M.

        Args:
            values, columns: as in the class.
            smaller: of ensembles of disjoint networks, the values by size.
            size: how many networks each replicate has, if it is such an ensemble.

        >>> blocks = {2: np.array([1.0, 2, 3, 4, 5])}
        >>> borrowed = Side.of(np.array([4.0]), [0], blocks, size=10)
        >>> borrowed.borrowed_from, round(borrowed.networks.error**2, 6), borrowed.networks.degrees
        (2, 0.5, 4)
        """
        count = len(values)
        known = [
            one
            for one, blocks in (smaller or {}).items()
            if one < size and len(blocks) >= FEWEST_REPLICATES and np.isfinite(blocks).all()
        ]
        if count < FEWEST_REPLICATES and known:
            measured = (smaller or {})[max(known)]
            variance = float(measured.var(ddof=1)) * max(known) / size
            part = Part(math.sqrt(variance / count), len(measured) - 1)
            return cls(values, columns, part, max(known))
        if count < 2 or not np.isfinite(values).all():
            return cls(values, columns)
        return cls(values, columns, Part(float(values.std(ddof=1)) / math.sqrt(count), count - 1))

    @property
    def mean(self) -> float:
        """Over the replicates."""
        return float(self.values.mean())

    def shared(self, covariance: Covariance) -> float:
        """The variance over images that all replicates share; of a single one, its own."""
        between = covariance[np.ix_(self.columns, self.columns)]
        count = len(self.columns)
        if count == 1:
            return float(between[0, 0])
        return float(between.sum() - between.trace()) / (count * (count - 1))


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

    ``covariance``: of the replicates' values over resampled images, see `covariance_of`.

    >>> mean = estimate(np.array([1.0, 3.0]), np.array([[2.0, 0.5], [0.5, 2.0]]), images=100)
    >>> mean.value, [(round(error**2, 6), degrees) for error, degrees in mean.parts]
    (2.0, [(1.0, 1), (0.5, 99)])
    """
    return mean(Side.of(values, range(len(values))), covariance, images)


def mean(side: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of a side's replicates, and how it varies with the networks and the images."""
    between = covariance[np.ix_(side.columns, side.columns)]
    return _estimate(side.mean, (side,), side.shared(covariance), float(between.mean()), images)


def unpaired(one: Side, other: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of one side less that of the other, whose replicates have other networks.

    They predict the same images: what the two share there cancels.

    >>> independent = np.diag([2.0, 1.0])
    >>> sides = Side.of(np.array([5.0]), [0]), Side.of(np.array([3.0]), [1])
    >>> apart = unpaired(*sides, independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    across = float(covariance[np.ix_(one.columns, other.columns)].mean())
    shared = one.shared(covariance) + other.shared(covariance) - 2 * across
    fixed = -2 * across
    for side in (one, other):
        fixed += float(covariance[np.ix_(side.columns, side.columns)].mean())
    columns = [*one.columns, *other.columns]
    of_both = covariance[np.ix_(columns, columns)]
    shared, fixed = without_rounding(np.array([shared, fixed]), of_both).tolist()
    return _estimate(one.mean - other.mean, (one, other), shared, fixed, images)


def paired(
    one: Replicates, other: Replicates, covariance: Float64[np.ndarray, "both both"], images: int
) -> Estimate:
    """The mean of ``one`` less that of ``other``, where replicates of a position share networks.

    ``covariance``: between the replicates of ``one``, then of ``other``, over resampled images.

    >>> independent = np.diag([2.0, 1.0])
    >>> apart = paired(np.array([5.0]), np.array([3.0]), independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
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
    return float(difference.value / std) if varies(std, difference.value) else math.nan


def without_rounding(left: Variances, covariance: Covariance) -> Variances:
    """Variances of differences, 0 where only rounding is left of covariances that cancel."""
    return np.where(np.abs(left) > CANCELLED * np.abs(covariance).max(initial=0.0), left, 0.0)


def _estimate(
    value: float, sides: Sequence[Side], shared: float, fixed: float, images: int
) -> Estimate:
    """With the variances over images of what all replicates share, and of the mean of these."""
    of_images = Part(math.sqrt(max(shared, 0.0)), max(images - 1, 1))
    of_networks = _joined([side.networks for side in sides if side.networks is not None])
    return Estimate(value, (*of_networks, of_images), math.sqrt(max(fixed, 0.0)))


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of the networks of both sides as one (Welch 1947); nothing of none."""
    variance = sum(part.error**2 for part in parts)
    if len(parts) < 2 or variance == 0:
        return tuple(parts[:1])
    degrees = variance**2 / sum(part.error**4 / part.degrees for part in parts)
    return (Part(math.sqrt(variance), degrees),)
