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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from benchmarks.inference.evidence import (
    Covariance,
    Evidence,
    MetricSums,
    Replicates,
    Scored,
)
from benchmarks.metrics import METRICS, Metric
from benchmarks.questions import Budgets
from benchmarks.schema import members_rank
from benchmarks.vocabulary import CONFIDENCE, FEWEST_REPLICATES, NETWORKS_KNOWN_FROM
from methods.interface import UncertaintyMethod

ROUNDING = 1e-12
"""A smaller spread, relative to the value or to 1, is rounding of a constant."""

CANCELLED, CANCELLED_SUMS = 1e-13, 1e-6
"""What is left of numbers that cancel is rounding below this, relative to them: of products of the
same rows, and of products of sums, which are in single precision, and sums of products."""

ReplicateValues = Float64[np.ndarray, " replicates"]


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
        return self.half_width_at(1 - CONFIDENCE)

    @property
    def over_images(self) -> Estimate:
        """The same for networks of which it is not known how they differ."""
        return self._replace(parts=self.parts[-1:])

    def half_width_at(self, level: float) -> float:
        """The same of an interval that leaves out the truth with this probability."""
        parts = (part.error * stdtrit(part.degrees, level / 2) for part in self.parts)
        half_width = math.hypot(*parts)
        return half_width if varies(half_width, self.value) else 0.0


class ImageVariances(NamedTuple):
    """The variances over the draw of images of what all replicates share, and of their mean."""

    shared: float
    fixed: float

    @classmethod
    def from_sums(cls, total: float, own: float, count: int) -> Self:
        """From the sums of all covariances between so many replicates, and of their variances.

        What they share is the mean of the covariances between two; of a single one, its variance.
        """
        if count == 1:
            return cls(total, total)
        between = total - own if abs(total - own) > CANCELLED_SUMS * max(total, own) else 0.0
        return cls(between / (count * (count - 1)), total / count**2)


class Side(NamedTuple):
    """Replicates of a method.

    Attributes:
        values: of each replicate.
        columns: of the covariance over the draw of images: one of each, or one of all together.
        networks: how their mean varies with the networks; ``None`` where this is not known.
        borrowed_from: the size of the ensembles by which it is known, if not by the replicates.
        undefined: the largest share of draws in which one of them has no value.
    """

    values: ReplicateValues
    columns: Sequence[int]
    networks: Part | None = None
    borrowed_from: int | None = None
    undefined: float = 0.0

    @classmethod
    def of(
        cls,
        values: ReplicateValues,
        columns: Sequence[int],
        smaller: Mapping[int, ReplicateValues] | None = None,
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
            number
            for number, blocks in (smaller or {}).items()
            if number < size and len(blocks) >= FEWEST_REPLICATES and np.isfinite(blocks).all()
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
    def is_known(self) -> bool:
        """Whether five or more replicates tell how it varies with its networks."""
        return self.borrowed_from is not None or len(self.values) >= FEWEST_REPLICATES

    @property
    def mean(self) -> float:
        """Over the replicates."""
        return float(self.values.mean())

    def over_images(self, covariance: Covariance) -> ImageVariances:
        """The variances of the mean over the draw of images."""
        return ImageVariances.from_sums(
            covariance.total(self.columns, self.columns),
            covariance.paired(self.columns, self.columns),
            len(self.values),
        )


def varies(spread: float, value: float) -> bool:
    """Whether a spread around a value is more than rounding.

    >>> varies(1e-9, 0.1), varies(1e-17, 0.1), varies(1e-9, 1e6)
    (True, False, False)
    """
    return spread > ROUNDING * max(1.0, abs(value))


def estimate(
    values: ReplicateValues,
    covariance: Float64[np.ndarray, "replicates replicates"],
    images: int,
) -> Estimate:
    """The mean of the replicates and its standard error, from both replicates and images.

    The parts are s / √R with R − 1 degrees of freedom, and √ mean_{r ≠ r'} cov(r, r'), the mean not
    below 0, with images − 1. One replicate has √ cov(1, 1) alone: the images.

    ``covariance``: between the replicates, over the draw of images.

    >>> mean = estimate(np.array([1.0, 3.0]), np.array([[2.0, 0.5], [0.5, 2.0]]), images=100)
    >>> mean.value, [(round(error**2, 6), degrees) for error, degrees in mean.parts]
    (2.0, [(1.0, 1), (0.5, 99)])
    """
    side = Side.of(values, range(len(values)))
    return mean(side, Covariance.between_replicates(covariance), images)


def mean(side: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of a side's replicates, and how it varies with the networks and the images."""
    return _estimate(side.mean, (side,), side.over_images(covariance), images)


def unpaired(side: Side, other: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of one side less that of the other, whose replicates have other networks.

    They predict the same images: what the two share there cancels.

    >>> independent = Covariance.between_replicates(np.diag([2.0, 1.0]))
    >>> sides = Side.of(np.array([5.0]), [0]), Side.of(np.array([3.0]), [1])
    >>> apart = unpaired(*sides, independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    across = covariance.total(side.columns, other.columns)
    across /= len(side.values) * len(other.values)
    parts = side.over_images(covariance), other.over_images(covariance)
    largest = max(part.fixed for part in parts)
    shared, fixed = (
        _without_rounding(sum(variances) - 2 * across, largest)
        for variances in zip(*parts, strict=True)
    )
    variances = ImageVariances(shared, fixed)
    return _estimate(side.mean - other.mean, (side, other), variances, images)


def paired(side: Side, other: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of one side less that of the other, where replicates of a position share networks.

    >>> independent = Covariance.between_replicates(np.diag([2.0, 1.0]))
    >>> sides = Side.of(np.array([5.0]), [0]), Side.of(np.array([3.0]), [1])
    >>> apart = paired(*sides, independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    first, second, count = side.columns, other.columns, len(side.values)
    total, own = (
        _without_rounding(
            sums(first, first) + sums(second, second) - 2 * sums(first, second),
            max(sums(first, first), sums(second, second)),
        )
        for sums in (covariance.total, covariance.paired)
    )
    differences = Side.of(side.values - other.values, ())
    variances = ImageVariances.from_sums(total, own, count)
    return _estimate(differences.mean, (differences,), variances, images)


def effect_size(difference: Estimate, images: int) -> float:
    """A difference of means over images, in standard deviations of the images' own differences.

    Cohen's d for pairs (Cohen 1988, section 2.3.5): of an image, the difference is that of the
    means over replicates; the standard deviation is √images times the images' part of the standard
    error. NaN where all images differ alike.
    """
    std = np.sqrt(images) * difference.image_error
    return float(difference.value / std) if varies(std, difference.value) else math.nan


def _without_rounding(left: float, largest: float) -> float:
    """A variance of a difference; 0 where only rounding is left of covariances that cancel."""
    return left if abs(left) > CANCELLED * largest else 0.0


def _estimate(
    value: float, sides: Sequence[Side], variances: ImageVariances, images: int
) -> Estimate:
    image_part = Part(math.sqrt(max(variances.shared, 0.0)), max(images - 1, 1))
    network_parts = _joined([side.networks for side in sides if side.networks is not None])
    image_error = math.sqrt(max(variances.fixed, 0.0))
    return Estimate(value, (*network_parts, image_part), image_error)


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of the networks of both sides as one (Welch 1947); nothing of none."""
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


class MetricValues(NamedTuple):
    """One metric on some images: of methods by scores, and their covariance.

    Attributes:
        evidence: what it is of.
        columns: of each method by a score, which column the covariance has of which replicates.
        covariance: over the draw of images.
    """

    metric: Metric
    evidence: Evidence
    columns: Mapping[Scored, Mapping[Replicates, int]]
    covariance: Covariance

    @classmethod
    def of(cls, evidence: Evidence, metric: str, methods: Iterable[Scored]) -> Self:
        """Of these methods by scores, those that have a value."""
        columns: dict[Scored, dict[Replicates, int]] = {}
        sums = evidence.metrics[metric]
        summed = sums.columns(set(methods))
        for position, (scored, replicates) in enumerate(summed):
            columns.setdefault(scored, {})[replicates] = position
        return cls(METRICS[metric], evidence, columns, sums.covariance(summed))

    def side(
        self,
        scored: Scored,
        replicates: Replicates | None = None,
        smaller: Mapping[int, ReplicateValues] | None = None,
        size: int = 1,
    ) -> Side:
        """A method's replicates that have a value.

        Args:
            replicates: those of a column; ``None``: all.
            smaller, size: see `Side.of`.
        """
        columns, by_replicate = self.columns[scored], self.sums.values[scored]
        summed = max(columns, key=len) if replicates is None else replicates
        values = np.array([by_replicate[r] for r in sorted(by_replicate) if r in summed])
        side = Side.of(values, [columns[summed]], smaller, size)
        return side._replace(undefined=self.sums.undefined[scored])

    @property
    def sums(self) -> MetricSums:
        """What is known of the metric."""
        return self.evidence.metrics[self.metric.name]

    @property
    def images(self) -> int:
        """Those that the degrees of freedom count; in detection the fewer of the two kinds."""
        fewer = min(self.evidence.images, self.evidence.reference_images)
        return fewer if "reference" in self.metric.needs else self.evidence.images

    @property
    def by_image(self) -> bool:
        """Whether it is a mean over images, each of which gives a difference."""
        return self.metric.family.means_over_images and self.evidence.drawn_together

    @property
    def is_tested(self) -> bool:
        """Whether one value is better than another, and no test would detect bias."""
        return bool(self.metric.better) and not self.metric.biased


def sides_of(measured: MetricValues, ensemble_methods: Collection[str]) -> dict[Scored, Side]:
    """The replicates of each method by each score, in the order of `order`."""
    sides = {scored: measured.side(scored) for scored in sorted(measured.columns, key=order)}
    for ensembles in ensembles_of(sides, ensemble_methods).values():
        values = {size: sides[scored].values for size, scored in ensembles.items()}
        for size, scored in ensembles.items():
            sides[scored] = measured.side(scored, None, values, size)
    return sides


def ensembles_of(
    sides: Iterable[Scored], ensemble_methods: Collection[str]
) -> dict[tuple[str, str], dict[int, Scored]]:
    """By method and score, the ensembles of networks of budget 1 by size, ascending.

    Those of a single size are left out.
    """
    ensembles: dict[tuple[str, str], dict[int, Scored]] = {}
    for scored in sorted(sides, key=order):
        variant = scored.variant
        if variant.is_of_scale(ensemble_methods):
            sizes = ensembles.setdefault((variant.method, scored.score), {})
            sizes[variant.networks(ensemble_methods)] = scored
    return {name: sizes for name, sizes in ensembles.items() if len(sizes) > 1}


def order(scored: Scored) -> tuple[str, float, str, float, str]:
    """Sort key: by method, then by size, budget and score."""
    method, members, budget = scored.variant
    return method, members_rank(members), members, budget, scored.score


@dataclass(frozen=True)
class Relations:
    """What comparisons must know of methods.

    Attributes:
        budgets: which are ensembles: methods whose members are networks, of which each replicate
            has others; and the sizes that users run.
        splits: of each method the images that it is fitted on; methods with different ones are not
            compared, since they differ in more than the method.
        primary_scores: of each method the score by which it is compared first.
        single_network_methods: those that are a trained network alone, with further scores.
        further_scores: of logits and features, which are compared with the methods' primary ones.
    """

    budgets: Budgets = field(default_factory=Budgets)
    splits: Mapping[str, str] = field(default_factory=dict)
    primary_scores: Mapping[str, str] = field(default_factory=dict)
    single_network_methods: Collection[str] = ()
    further_scores: Sequence[str] = ()

    def are_alike(self, method: str, other: str) -> bool:
        """Whether both are fitted on the same images."""
        return self.splits.get(method, "") == self.splits.get(other, "")

    def primary_score(self, method: str) -> str:
        """The score by which a method ranks images first."""
        return self.primary_scores.get(method, UncertaintyMethod.primary_score)


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


def interval_of(measured: MetricValues, side: Side) -> Interval:
    """The interval of a method; an infinite value has none, the reason is in its measurements."""
    if not np.isfinite(side.values).all():
        return Interval(math.nan)
    interval = reliable(mean(side, measured.covariance, measured.images), measured, (side,))
    borrowed = interval.half_width > 0 and side.borrowed_from
    return interval._replace(note=limits([side]) if borrowed else "")


def unreliable(measured: MetricValues, sides: Iterable[Side]) -> str:
    """Why nothing is known of how some sides vary with the images; empty where it is."""
    if "reference" in measured.metric.needs and measured.images < FEWEST_OF_A_KIND:
        return FEW_OF_A_KIND
    return TOO_FEW if any(side.undefined > MOST_UNDEFINED for side in sides) else ""


def reliable(
    estimated: Estimate,
    measured: MetricValues,
    sides: tuple[Side, ...],
    level: float = 1 - CONFIDENCE,
) -> Interval:
    """The interval of an estimate from some sides, or the reason why there is none."""
    if reason := unreliable(measured, sides):
        return Interval(math.nan, reason)
    half_width = estimated.half_width_at(level)
    if not half_width > 0:
        return Interval(math.nan, ALIKE)
    return Interval(half_width)


def limits(sides: Iterable[Side]) -> str:
    """What the reader must know of an interval that few replicates have given."""
    if any(side.networks is None for side in sides):
        return ONE_REPLICATE
    borrowed = dict.fromkeys(side.borrowed_from for side in sides if side.borrowed_from)
    return "; ".join(map(BORROWED.format, borrowed))
