"""Intervals by which claims are judged: over networks, and of a share of networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.inference.estimate import estimate
from benchmarks.vocabulary import CONFIDENCE


class Interval(NamedTuple):
    """An estimate with the bounds of its 95 % interval, NaN where there can be none."""

    value: float
    lower: float
    upper: float

    def above(self, bound: float = 0.0) -> bool:
        """Whether the whole interval lies above the bound; never without an interval."""
        return bool(self.lower > bound)

    def below(self, bound: float = 0.0) -> bool:
        """Whether the whole interval lies below the bound; never without an interval."""
        return bool(self.upper < bound)

    def text(self, digits: str = ".3f", *, named: bool = False) -> str:
        """The value, and its bounds if there are any; ``named``: with what the brackets give.

        >>> Interval(0.5, 0.4, 0.6).text(".1f"), Interval(-0.5, math.nan, math.nan).text("+.2f")
        ('0.5 (0.4 to 0.6)', '−0.50')
        """
        value, lower, upper = (f"{bound:{digits}}".replace("-", "−") for bound in self)
        if math.isnan(self.lower):
            return value
        return f"{value} ({'95 % interval: ' if named else ''}{lower} to {upper})"

    def percent(self, digits: int = 0, *, named: bool = False) -> str:
        """A share as a percentage, as `text` gives a value.

        >>> Interval(0.5, 0.4, 0.6).percent(named=True), Interval(0.5, math.nan, math.nan).percent()
        ('50 % (95 % interval: 40 to 60 %)', '50 %')
        """
        text = Interval(*(100 * bound for bound in self)).text(f".{digits}f", named=named)
        value, bracket, bounds = text.partition(" (")
        return f"{value} %{bracket}{bounds.replace(')', ' %)')}"


def over_networks(values: npt.ArrayLike) -> Interval:
    """The mean of a value, or of a paired difference, of each network: Student's t interval.

    Several ensembles of disjoint networks count as networks do. One value has no interval.

    >>> [round(bound, 3) for bound in over_networks([0.1, 0.2, 0.3])]
    [0.2, -0.048, 0.448]
    """
    known = np.asarray(values, dtype=np.float64)
    if len(known) < 2:
        return Interval(float(known.mean()), math.nan, math.nan)
    mean = estimate(known, np.zeros((len(known), len(known))), len(known))
    return Interval(mean.value, mean.value - mean.half_width, mean.value + mean.half_width)


def share_of_networks(holds: Sequence[bool]) -> Interval:
    """The share of networks for which something holds: Clopper and Pearson's interval.

    >>> [round(bound, 2) for bound in share_of_networks([True] * 19 + [False] * 31)]
    [0.38, 0.25, 0.53]
    """
    test = stats.binomtest(sum(map(bool, holds)), len(holds))
    exact = test.proportion_ci(CONFIDENCE)
    return Interval(test.statistic, exact.low, exact.high)
