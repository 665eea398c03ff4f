"""Worth in networks: the size of the deep ensemble that does as well as a method by a measure.

The deep ensemble equivalent of Ashukha et al. (2020, Pitfalls of in-domain uncertainty estimation
and ensembling, section 5), with an interval by inversion: it holds all sizes M at which the
method's paired difference from ensembles of M networks is not significant at 5 %.

The measure of ensembles stands at some sizes, as the mean over disjoint blocks of the pool of
networks. Between these, it and the width of the interval are linear in log M. A difference varies

- with the method's replicates: their variance / R, R − 1 degrees of freedom;
- with the networks of the ensembles: the variance of B blocks / B, see `Side.of` where B < 5;
- with the images: the covariances over their draw that replicates have in common.

The parts are joined as in `benchmarks.inference.estimate`. Where a method has fewer than five
replicates, how it varies with its network is not known: the interval covers the images, and the
networks of the ensembles alone. A method whose networks are in the pool is treated as if they were
not; as both vary alike, its interval is too wide rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import isotonic_regression

from benchmarks.inference.evidence import Covariance
from benchmarks.inference.intervals import Estimate, Side, unpaired

FEWER, MORE = 0.0, math.inf
"""Worth less than the smallest ensemble, and more than the largest."""

NO_GAIN = "no significant gain from more networks by this measure"
IMAGES_ONLY = "fewer than five replicates: the interval leaves out how networks differ"
NOT_FINITE = "a value is undefined or infinite"


class Worth(NamedTuple):
    """How many networks a method is worth by a measure.

    Attributes:
        networks: the smallest size at which ensembles do as well; `FEWER` or `MORE` where none of
            the sizes does; NaN where it is undefined.
        lower, upper: its 95 % interval; `FEWER` and `MORE` are open ends.
        reason: why it is undefined, or what the interval leaves out.
    """

    networks: float
    lower: float
    upper: float
    reason: str = ""

    @classmethod
    def undefined(cls, reason: str) -> Worth:
        """None, for a reason."""
        return cls(math.nan, math.nan, math.nan, reason)

    def texts(self, sizes: Sequence[int]) -> tuple[str, str, str]:
        """The number and its interval as ``worth.csv`` has them, two digits each.

        >>> Worth(1.234, FEWER, MORE).texts([1, 50])
        ('1.2', '<1', '>50')
        """
        ends = {FEWER: f"<{sizes[0]}", MORE: f">{sizes[-1]}"}
        values = (self.networks, self.lower, self.upper)
        worth, lower, upper = (ends.get(value, _two_digits(value)) for value in values)
        return worth, lower, upper


def worth(
    method: Side,
    ensembles: Mapping[int, Side],
    covariance: Covariance,
    images: int,
    *,
    higher_is_better: bool = True,
) -> Worth:
    """How many networks a method is worth by a measure.

    Args:
        method: its replicates.
        ensembles: those of ensembles, by size, ascending.
        covariance: of all of these over the draw of images.
        images: how many there are.
        higher_is_better: whether higher values of the measure are better.
    """
    if not all(np.isfinite(side.values).all() for side in (method, *ensembles.values())):
        return Worth.undefined(NOT_FINITE)
    sizes = list(ensembles)
    sign = 1 if higher_is_better else -1
    if not gain(ensembles, covariance, images, higher_is_better):
        return Worth.undefined(NO_GAIN)
    known = method.is_known
    side = method if known else method._replace(networks=None)
    apart = [unpaired(side, ensembles[size], covariance, images) for size in sizes]
    networks = _equivalent(sign * method.mean, ensembles, sign)
    lower, upper = _not_significant(sizes, apart, sign)
    reason = "" if known and all(each.is_known for each in ensembles.values()) else IMAGES_ONLY
    return Worth(networks, min(lower, networks), max(upper, networks), reason)


def _equivalent(value: float, ensembles: Mapping[int, Side], sign: int) -> float:
    """The smallest size at which the curve reaches the value.

    The curve is made monotone (isotonic regression by the number of blocks): chance alone makes a
    larger ensemble do worse.
    """
    blocks = [len(side.values) for side in ensembles.values()]
    means = [sign * side.mean for side in ensembles.values()]
    curve = isotonic_regression(means, weights=blocks).x
    if value < curve[0]:
        return FEWER
    if value > curve[-1]:
        return MORE
    position = int(np.searchsorted(curve, value))
    logs = np.log(list(ensembles))
    if position == 0:
        return math.exp(logs[0])
    before, after = curve[position - 1 : position + 1]
    share = (value - before) / (after - before)
    return math.exp(logs[position - 1] + share * (logs[position] - logs[position - 1]))


def _not_significant(
    sizes: Sequence[int], apart: Sequence[Estimate], sign: int
) -> tuple[float, float]:
    """The smallest and the largest size at which the difference is not significant.

    An end at which it is not significant either is open. Where it is significant everywhere, the
    method is worth less than the smallest or more than the largest.
    """
    logs = np.log(sizes)
    widths = np.array([difference.half_width for difference in apart])
    values = sign * np.array([difference.value for difference in apart])
    bounds = np.stack([values - widths, values + widths])
    inside = (bounds[0] <= 0) & (bounds[1] >= 0)
    ends = [*logs[inside], *_zeros(logs, bounds[0]), *_zeros(logs, bounds[1])]
    if not ends:
        beyond = MORE if values[0] > 0 else FEWER
        return beyond, beyond
    lower = FEWER if inside[0] else math.exp(min(ends))
    return lower, MORE if inside[-1] else math.exp(max(ends))


def _zeros(
    logs: Float64[np.ndarray, " sizes"], bound: Float64[np.ndarray, " sizes"]
) -> list[float]:
    """Where a bound, linear between sizes, is zero."""
    changes = np.flatnonzero(np.sign(bound[:-1]) * np.sign(bound[1:]) < 0)
    share = bound[changes] / (bound[changes] - bound[changes + 1])
    zeros: list[float] = (logs[changes] + share * (logs[changes + 1] - logs[changes])).tolist()
    return zeros


def _two_digits(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        return ""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def gain(
    sizes: Mapping[int, Side], covariance: Covariance, images: int, higher_is_better: bool
) -> float:
    """How much better the largest ensembles are than the smallest; 0 where chance explains it."""
    apart = unpaired(sizes[max(sizes)], sizes[min(sizes)], covariance, images)
    value = apart.value if higher_is_better else -apart.value
    return value if value > apart.half_width else 0.0
