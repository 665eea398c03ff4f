"""The interval of a measure or of a difference, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchmarks.inference.comparison.sides import MetricValues
from benchmarks.inference.estimate import Estimate, Side, mean
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

MOST_UNDEFINED = 0.01
"""The largest share of resamples on which a measure may be undefined; above, it has no interval."""

FEWEST_OF_A_KIND = 30
"""Detection with fewer positives or negatives has no interval: with ten, that of AUROC covers the
truth in 90 % of simulations, with thirty in 94 %."""

FEW_OF_A_KIND = f"no interval: fewer than {FEWEST_OF_A_KIND} images of one kind"
TOO_FEW = "no interval: few images decide, and some resamples lack them all"
ALIKE = "no interval: every resample gives the same value"
BORROWED = f"{NETWORKS_KNOWN_FROM} ensembles of {{}} by the ratio of the sizes"


Key = tuple[str, str, str, str, str, str]
"""Recipe, method, members, condition, score and metric: what an interval is of."""


class Interval(NamedTuple):
    """A 95 % interval around a number of the summary.

    Attributes:
        half_width: NaN if there is no interval.
        reason: why there is none.
        note: what the reader must know of it.
    """

    half_width: float
    reason: str = ""
    note: str = ""

    def around(self, value: float) -> tuple[float, float, float]:
        """Value and bounds, to as many decimals as give the half-width four digits.

        >>> Interval(0.0123456).around(0.2)
        (0.2, 0.18765, 0.21235)
        """
        if not self.half_width > 0:
            return value, math.nan, math.nan
        decimals = 3 - math.floor(math.log10(self.half_width))
        lower, upper = value - self.half_width, value + self.half_width
        return round(value, decimals), round(lower, decimals), round(upper, decimals)


def interval_of(measured: MetricValues, side: Side) -> Interval:
    """The interval of a method; an infinite value has none, the reason is in its measurements."""
    if not np.isfinite(side.values).all():
        return Interval(math.nan)
    return reliable(mean(side, measured.covariance, measured.images), measured, (side,))


def unreliable(measured: MetricValues, sides: Iterable[Side]) -> str:
    """Why resamples say nothing of some sides; empty where they do."""
    if "reference" in measured.metric.needs and measured.images < FEWEST_OF_A_KIND:
        return FEW_OF_A_KIND
    columns = [column for side in sides for column in side.columns]
    return TOO_FEW if (measured.undefined[columns] > MOST_UNDEFINED).any() else ""


def reliable(estimated: Estimate, measured: MetricValues, sides: tuple[Side, ...]) -> Interval:
    """The interval of an estimate from some sides, or the reason why the resamples give none."""
    if reason := unreliable(measured, sides):
        return Interval(math.nan, reason)
    if not estimated.half_width > 0:
        return Interval(math.nan, ALIKE)
    borrowed = dict.fromkeys(side.borrowed_from for side in sides if side.borrowed_from)
    return Interval(estimated.half_width, note="; ".join(map(BORROWED.format, borrowed)))
