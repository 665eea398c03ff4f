"""Worth in networks: the size of the deep ensemble that does as well as a method by a measure.

The deep ensemble equivalent of Ashukha et al. (2020, Pitfalls of in-domain uncertainty estimation
and ensembling, section 5), with an interval by inversion: it holds all sizes M at which the
method's difference from ensembles of M networks is not significant at 5 %.

The method is compared with ensembles at some sizes; where it has used their networks, on these
(`benchmarks.inference.differences`). One curve a + b / M^c is fitted to these differences, weighted
by their intervals; where it leaves an interval, and of fewer than four sizes, differences are made
monotone instead, and are linear in log M between sizes, as the width of the interval is everywhere.
So a curve that is not monotone is read as the monotone one next to it; on a flat one, where the
largest ensembles are not significantly better than the smallest, worth is undefined.

A network alone is the ensemble of one: its worth is 1, without an interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import isotonic_regression

from benchmarks.inference.differences import difference
from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.inference.intervals import Estimate, unreliable_in, varies
from benchmarks.metrics import METRICS

FEWER, MORE = 0.0, math.inf
"""Worth less than the smallest ensemble, and more than the largest."""

NO_GAIN = "no significant gain from more networks by this measure"
IMAGES_ONLY = "fewer than five replicates: the interval leaves out how networks differ"
NOT_FINITE = "a value is undefined or infinite"

EXPONENTS = np.geomspace(0.25, 3, 100)
"""Those tried; the mean of independent networks has 1."""

FEWEST_SIZES = 4
"""To which a curve of three parameters is fitted."""

LEAST_WIDTH = 1e-3
"""An interval counts as at least as wide, relative to the widest."""

STEPS = 500
"""Between the smallest and the largest size, by which ends of the interval are found."""

Sizes = Float64[np.ndarray, " sizes"]
Steps = Float64[np.ndarray, " steps"]


class Worth(NamedTuple):
    """How many networks a method is worth by a measure.

    Attributes:
        networks: the smallest size at which ensembles do as well; `FEWER` or `MORE` where none of
            the sizes does; NaN where it is undefined.
        lower, upper: its 95 % interval; `FEWER` and `MORE` are open ends.
        reason: why it is undefined, or what the interval leaves out.
    """

    networks: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    reason: str = ""

    def texts(self, sizes: Sequence[int]) -> tuple[str, str, str]:
        """The number and its interval as ``answer.csv`` has them, two digits each.

        >>> Worth(1.234, FEWER, MORE).texts([1, 50])
        ('1.2', '<1', '>50')
        """
        ends = {FEWER: f"<{sizes[0]}", MORE: f">{sizes[-1]}"}
        values = (self.networks, self.lower, self.upper)
        worth, lower, upper = (ends.get(value, _two_digits(value)) for value in values)
        return worth, lower, upper


def worth_of(evidence: HeadlineEvidence, contestant: int, ensembles: Mapping[int, int]) -> Worth:
    """How many networks of an ensemble a contestant is worth.

    Args:
        contestant: its position.
        ensembles: those of ensembles, by size, ascending.
    """
    own = [contestant, *ensembles.values()]
    if not np.isfinite(evidence.means[own]).all():
        return Worth(reason=NOT_FINITE)
    if reason := unreliable_in(evidence, own):
        return Worth(reason=reason)
    apart = {size: difference(evidence, contestant, each) for size, each in ensembles.items()}
    estimates = {
        size: each.estimate if each.is_known else each.estimate.over_images
        for size, each in apart.items()
    }
    gain = difference(evidence, ensembles[max(ensembles)], ensembles[min(ensembles)]).estimate
    higher = METRICS[evidence.measure.metric].better == "higher"
    known = all(each.is_known for each in apart.values())
    return worth(estimates, gain, higher_is_better=higher, reason="" if known else IMAGES_ONLY)


def worth(
    apart: Mapping[int, Estimate],
    gain: Estimate,
    *,
    higher_is_better: bool = True,
    reason: str = "",
) -> Worth:
    """How many networks a method is worth by a measure.

    Args:
        apart: its difference from ensembles, by their size, ascending.
        gain: that of the largest ensembles from the smallest.
        higher_is_better: whether higher values of the measure are better.
        reason: what the interval leaves out.
    """
    sign = 1 if higher_is_better else -1
    if not sign * gain.value > gain.half_width:
        return Worth(reason=NO_GAIN)
    for size, each in apart.items():
        if each.half_width == 0 and not varies(abs(each.value), 0):
            return Worth(size, size, size)
    logs = np.log(list(apart))
    values = sign * np.array([each.value for each in apart.values()])
    widths = np.array([each.half_width for each in apart.values()])
    steps = np.linspace(logs[0], logs[-1], STEPS)
    curve, width = _curve(logs, values, widths, steps), np.interp(steps, logs, widths)
    reached = int(np.argmax(curve <= 0))
    if curve[0] < 0 or curve[-1] > 0:
        networks = FEWER if curve[0] < 0 else MORE
    else:
        last = max(reached - 1, 0)
        ends_of_step = -curve[last : reached + 1], steps[last : reached + 1]
        networks = math.exp(np.interp(0, *ends_of_step))
    inside = np.abs(curve) <= width
    ends = [*steps[inside], *_zeros(steps, curve - width), *_zeros(steps, curve + width)]
    if not ends:  # it is significant everywhere
        return Worth(networks, networks, networks, reason)
    lower = FEWER if inside[0] else math.exp(min(ends))
    upper = MORE if inside[-1] else math.exp(max(ends))
    return Worth(networks, min(lower, networks), max(upper, networks), reason)


def _curve(logs: Sizes, values: Sizes, widths: Sizes, steps: Steps) -> Steps:
    """The differences at any size, not increasing: chance alone makes a larger ensemble worse.

    Args:
        logs: of the sizes.
        values, widths: of the differences and their intervals.
        steps: logarithms of sizes.
    """
    weights = np.maximum(widths, LEAST_WIDTH * widths.max() or 1) ** -2.0
    weights /= weights.sum()
    powers = np.exp(-EXPONENTS[:, None] * logs)
    means = powers @ weights
    powers -= means[:, None]
    deviations = values - weights @ values
    slopes = powers @ (weights * deviations) / (powers**2 @ weights)
    left = np.abs(deviations - slopes[:, None] * powers)
    best = (left**2 @ weights).argmin()
    if len(logs) >= FEWEST_SIZES and slopes[best] >= 0 and (left[best] <= widths).all():
        powers_there = np.exp(-EXPONENTS[best] * steps) - means[best]
        fitted: Steps = powers_there * slopes[best] + float(weights @ values)
        return fitted
    monotone = isotonic_regression(values, weights=weights, increasing=False).x
    between: Steps = np.interp(steps, logs, monotone)
    return between


def _zeros(logs: Steps, bound: Steps) -> list[float]:
    """Where a bound, linear between steps, is zero."""
    changes = np.flatnonzero(np.sign(bound[:-1]) * np.sign(bound[1:]) < 0)
    share = bound[changes] / (bound[changes] - bound[changes + 1])
    zeros: list[float] = (logs[changes] + share * (logs[changes + 1] - logs[changes])).tolist()
    return zeros


def _two_digits(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
