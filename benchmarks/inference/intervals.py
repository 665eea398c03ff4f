"""From replicates, and their covariances over the draw of images, to an interval.

Replicates and images are *crossed*: all replicates predict the same images. With the effects a_r of
replicate r, c of the images and (ac)_r of both, the mean of R replicates has the variance

    Var(a) / R + Var(c) + Var(ac) / R.

Its first and last part together are s² / R, with s the replicates' standard deviation on the images
at hand; Var(c), common to all replicates, is the mean of their covariances over the draw of
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
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from benchmarks.inference.evidence import Drawn, Entry, HeadlineEvidence, ReplicateSums
from benchmarks.metrics import METRICS
from benchmarks.vocabulary import CONFIDENCE, FEWEST_REPLICATES, NETWORKS_KNOWN_FROM

ROUNDING = 1e-12
"""A smaller spread, relative to the value or to 1, is rounding of a constant."""

NOT_SMOOTH = ("accuracy",)
"""Metrics whose variance over networks is not as 1 / M: that of accuracy falls as about M^−½, since
few images are near a decision's boundary."""

ReplicateValues = Float64[np.ndarray, " replicates"]


class Part(NamedTuple):
    """A standard error of one source, and its degrees of freedom."""

    error: float
    degrees: float


class Estimate(NamedTuple):
    """A mean over replicates with its standard error.

    Attributes:
        parts: of its standard error: from the replicates, if there are several, and the images.
    """

    value: float
    parts: tuple[Part, ...]

    @property
    def half_width(self) -> float:
        """Half of the width of the 95 % interval around the value; 0 if it is only rounding."""
        parts = (part.error * stdtrit(part.degrees, (1 - CONFIDENCE) / 2) for part in self.parts)
        half_width = math.hypot(*parts)
        return half_width if varies(half_width, self.value) else 0.0

    @property
    def over_images(self) -> Estimate:
        """The same for networks of which it is not known how they differ."""
        return self._replace(parts=self.parts[-1:])


class Networks(NamedTuple):
    """How the mean of some replicates varies with their networks.

    Attributes:
        parts: of a standard error, the one from the networks; none where this is not known.
        borrowed_from: the size of the ensembles by which it is known, if not by the replicates.
        is_known: whether five or more replicates tell.
    """

    parts: tuple[Part, ...]
    borrowed_from: int | None
    is_known: bool

    @classmethod
    def of(
        cls,
        values: ReplicateValues,
        smaller: Mapping[int, ReplicateValues] = MappingProxyType({}),
        size: int = 1,
    ) -> Self:
        """By the values of the replicates.

        Five or more vary as they are seen to. How fewer ensembles vary with their networks is known
        by the largest smaller size that has five, times the ratio of the sizes: the variance of a
        smooth function of the mean over M networks is proportional to 1 / M.

        Args:
            values: of the replicates.
            smaller: of ensembles of disjoint networks, the values by size.
            size: how many networks each replicate has, if it is such an ensemble.

        >>> blocks = {2: np.array([1.0, 2, 3, 4, 5])}
        >>> borrowed = Networks.of(np.array([4.0]), blocks, size=10)
        >>> [(error, degrees)] = borrowed.parts
        >>> borrowed.borrowed_from, round(error**2, 6), degrees
        (2, 0.5, 4)
        """
        count = len(values)
        known = [
            number
            for number, blocks in smaller.items()
            if number < size and len(blocks) >= FEWEST_REPLICATES and np.isfinite(blocks).all()
        ]
        if count < FEWEST_REPLICATES and known:
            measured = smaller[max(known)]
            variance = float(measured.var(ddof=1)) * max(known) / size
            part = Part(math.sqrt(variance / count), len(measured) - 1)
            return cls((part,), max(known), is_known=True)
        if count < 2 or not np.isfinite(values).all():
            return cls((), None, is_known=False)
        part = Part(float(values.std(ddof=1)) / math.sqrt(count), count - 1)
        return cls((part,), None, count >= FEWEST_REPLICATES)


def varies(spread: float, value: float) -> bool:
    """Whether a spread around a value is more than rounding.

    >>> varies(1e-9, 0.1), varies(1e-17, 0.1), varies(1e-9, 1e6)
    (True, False, False)
    """
    return spread > ROUNDING * max(1.0, abs(value))


def networks_of(entry: Entry, metric: str, replicates: Mapping[Entry, ReplicateValues]) -> Networks:
    """How a contestant varies with its networks, maybe by smaller ensembles of its method.

    Args:
        replicates: the values of all contestants' replicates.
    """
    smaller = {}
    if entry.networks > 1 and metric not in NOT_SMOOTH:
        alike = (other for other in replicates if other.kind == entry.kind)
        smaller = {other.networks: replicates[other] for other in alike}
    return Networks.of(replicates[entry], smaller, entry.networks)


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of the networks of two sides as one (Welch 1947); nothing of none."""
    variance = sum(part.error**2 for part in parts)
    if len(parts) < 2 or variance == 0:
        return tuple(parts[:1])
    degrees = variance**2 / sum(part.error**4 / part.degrees for part in parts)
    return (Part(math.sqrt(variance), degrees),)


MOST_UNDEFINED = 0.01
"""The largest share of draws in which a measure may be undefined; above, it has no interval."""

FEWEST_OF_A_KIND = 30
"""Detection with fewer positives or negatives has no interval: with ten, that of AUROC covers the
truth in 90 % of simulations, with thirty in 94 %."""

FEW_OF_A_KIND = f"no interval: fewer than {FEWEST_OF_A_KIND} images of one kind"
TOO_FEW = "no interval: few images decide, and some draws lack them all"
ALIKE = "no interval: every draw of images gives the same value"
ONE_REPLICATE = "one replicate: the interval leaves out how another would differ"
BORROWED = f"{NETWORKS_KNOWN_FROM} ensembles of {{}} by the ratio of the sizes"

Key = tuple[str, str, float, str, str, str]
"""Method, members, budget, condition, score and metric: what an interval is of."""


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


def interval_of(metric: str, moments: ReplicateSums, drawn: Drawn, networks: Networks) -> Interval:
    """The interval of a contestant; an infinite value has none, the reason is in its measurements.

    Args:
        networks: how it varies with them.
    """
    values = np.array(moments.values)
    if not np.isfinite(values).all():
        return Interval(math.nan)
    if reason := unreliable(metric, drawn.images, [moments.undefined]):
        return Interval(math.nan, reason)
    images = Part(math.sqrt(moments.shared_variance), drawn.degrees)
    half_width = Estimate(float(values.mean()), (*networks.parts, images)).half_width
    if not half_width > 0:
        return Interval(math.nan, ALIKE)
    return Interval(half_width, note=limits([networks]) if networks.borrowed_from else "")


def unreliable(metric: str, images: int, undefined: Iterable[float]) -> str:
    """Why nothing is known of how a measure varies with the images; empty where it is.

    Args:
        images: see `Drawn`.
        undefined: the shares of draws in which a contestant has no value.
    """
    if "reference" in METRICS[metric].needs and images < FEWEST_OF_A_KIND:
        return FEW_OF_A_KIND
    return TOO_FEW if any(share > MOST_UNDEFINED for share in undefined) else ""


def unreliable_in(evidence: HeadlineEvidence, own: Sequence[int]) -> str:
    """The same of contestants by their positions."""
    shares = [evidence.entries[k].undefined for k in own]
    return unreliable(evidence.measure.metric, evidence.drawn.images, shares)


def limits(sides: Sequence[Networks]) -> str:
    """What the reader must know of an interval that few replicates have given."""
    if not all(side.parts for side in sides):
        return ONE_REPLICATE
    borrowed = dict.fromkeys(side.borrowed_from for side in sides if side.borrowed_from)
    return "; ".join(map(BORROWED.format, borrowed))
