"""Rank correlation, and the AUROC's difference with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

QUANTILE = float(stats.norm.ppf(0.975))


class Interval(NamedTuple):
    """An estimate with the bounds of its 95 % interval."""

    value: float
    lower: float
    upper: float


class Placements(NamedTuple):
    """Where each image stands among those of the other kind (DeLong et al. 1988, equation 5).

    Of a positive image the share of negatives that score lower, of a negative one the share of
    positives that score higher; ties count one half. The mean of either is the AUROC.

    >>> Placements.of(np.array([0.1, 0.4]), np.array([0.4, 0.8])).positives
    array([0.75, 1.  ])
    """

    negatives: Floats
    positives: Floats

    @classmethod
    def of(cls, negative: Floats, positive: Floats) -> Placements:
        """From the scores of both kinds of images."""
        ranks = stats.rankdata(np.concatenate([negative, positive]))
        count = len(negative)
        below = (ranks[count:] - stats.rankdata(positive)) / count
        above = 1 - (ranks[:count] - stats.rankdata(negative)) / len(positive)
        return cls(above, below)

    @classmethod
    def mean(cls, some: Sequence[Placements]) -> Placements:
        """Of several scores of the same images: their mean AUROC's."""
        return cls(
            np.mean([one.negatives for one in some], axis=0),
            np.mean([one.positives for one in some], axis=0),
        )

    def __sub__(self, other: Placements) -> Placements:
        """Of the difference of two AUROCs on the same images."""
        return Placements(self.negatives - other.negatives, self.positives - other.positives)


def auroc_interval(sets: Sequence[Placements]) -> Interval:
    """The mean over sets of positive images of an AUROC, or of a difference of two (paired).

    The sets are told from the same negative images. The interval is normal, with DeLong's variance
    (equation 6): Var(mean over the sets of a negative's placements) / n plus the sum over the sets
    of Var(placements of its positives) / m, over the number of sets squared. It covers the draw of
    images, not that of networks.

    >>> placements = Placements.of(np.array([0.1, 0.4, 0.3]), np.array([0.4, 0.8]))
    >>> round(auroc_interval([placements]).value, 4)
    0.9167
    """
    value = float(np.mean([one.positives.mean() for one in sets]))
    negatives = np.mean([one.negatives for one in sets], axis=0)
    variance = (
        negatives.var(ddof=1) / len(negatives)
        + sum(one.positives.var(ddof=1) / len(one.positives) for one in sets) / len(sets) ** 2
    )
    half = QUANTILE * float(np.sqrt(variance))
    return Interval(value, value - half, value + half)


def rank_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks, ties at their mean rank; NaN of constants.

    >>> round(rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]), 6)
    0.8
    """
    ranks = np.stack([stats.rankdata(one), stats.rankdata(other)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])
