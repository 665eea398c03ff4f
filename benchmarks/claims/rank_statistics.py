"""Rank correlation, and AUROCs with intervals over networks and images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64
from scipy import stats

from benchmarks.claims.intervals import Interval
from benchmarks.inference.comparison.intervals import FEWEST_OF_A_KIND
from benchmarks.inference.estimate import estimate


class Placements(NamedTuple):
    """The placement of each image among those of the other kind (DeLong et al. 1988, equation 5).

    For a positive image the share of negatives that score lower, for a negative one the share of
    positives that score higher; ties count one half. The mean of either is a network's AUROC.

    >>> Placements.of(np.array([[0.1, 0.4]]), np.array([[0.4, 0.8]])).positives
    array([[0.75, 1.  ]])
    """

    negatives: Float64[np.ndarray, "networks negatives"]
    positives: Float64[np.ndarray, "networks positives"]

    @classmethod
    def of(
        cls,
        negative: Float64[np.ndarray, "networks negatives"],
        positive: Float64[np.ndarray, "networks positives"],
    ) -> Placements:
        """From the scores of both kinds of images; a higher score means more uncertain."""
        ranks = stats.rankdata(np.concatenate([negative, positive], axis=1), axis=1)
        count = negative.shape[1]
        below = (ranks[:, count:] - stats.rankdata(positive, axis=1)) / count
        above = 1 - (ranks[:, :count] - stats.rankdata(negative, axis=1)) / positive.shape[1]
        return cls(above, below)

    def __sub__(self, other: Placements) -> Placements:
        """The placements of a paired difference of AUROCs; either may be of a single network."""
        return Placements(self.negatives - other.negatives, self.positives - other.positives)


def auroc_interval(sets: Sequence[Placements]) -> Interval:
    """The mean over networks and sets of positives of an AUROC, or of a paired difference of two.

    All sets share their negative images. The covariance over images is DeLong's (equation 6):
    the covariance of the negatives' placements (their mean over sets) divided by their number,
    plus for each set that of the positives' divided by their number and by the squared number of
    sets. `estimate` adds the variance between networks. Fewer than 30 images of either kind have
    no interval: it would be too narrow.

    >>> placements = Placements.of(np.array([[0.1, 0.4, 0.3]]), np.array([[0.4, 0.8]]))
    >>> round(auroc_interval([placements]).value, 4)
    0.9167
    """
    negatives = np.mean([one.negatives for one in sets], axis=0)
    fewest = min(negatives.shape[1], *(one.positives.shape[1] for one in sets))
    if fewest < FEWEST_OF_A_KIND:
        return Interval(float(negatives.mean()), math.nan, math.nan)
    covariance = _covariance(negatives) + sum(_covariance(one.positives) for one in sets) / (
        len(sets) ** 2
    )
    mean = estimate(negatives.mean(axis=1), covariance, negatives.shape[1])
    return Interval(mean.value, mean.value - mean.half_width, mean.value + mean.half_width)


def rank_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks, ties at their mean rank; NaN of constants.

    >>> round(rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]), 6)
    0.8
    """
    ranks = np.stack([stats.rankdata(one), stats.rankdata(other)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def _covariance(
    placements: Float64[np.ndarray, "networks images"],
) -> Float64[np.ndarray, "networks networks"]:
    """The covariance of the networks' means over images."""
    of_one: Float64[np.ndarray, "networks networks"] = np.atleast_2d(np.cov(placements))
    of_mean: Float64[np.ndarray, "networks networks"] = of_one / placements.shape[1]
    return of_mean
