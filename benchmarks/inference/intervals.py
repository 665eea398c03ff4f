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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq
from scipy.special import stdtrit

from benchmarks.inference.resampling import Draws, ResampledValues, covariance_of
from benchmarks.metrics import METRICS, Metric
from benchmarks.nouns import SizesByMethod
from benchmarks.predictions import RunUnit
from benchmarks.schema import members_rank
from benchmarks.vocabulary import CONFIDENCE, FEWEST_REPLICATES, NETWORKS_KNOWN_FROM

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


def unpaired(side: Side, other: Side, covariance: Covariance, images: int) -> Estimate:
    """The mean of one side less that of the other, whose replicates have other networks.

    They predict the same images: what the two share there cancels.

    >>> independent = np.diag([2.0, 1.0])
    >>> sides = Side.of(np.array([5.0]), [0]), Side.of(np.array([3.0]), [1])
    >>> apart = unpaired(*sides, independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    across = float(covariance[np.ix_(side.columns, other.columns)].mean())
    shared = side.shared(covariance) + other.shared(covariance) - 2 * across
    fixed = -2 * across
    for columns in (side.columns, other.columns):
        fixed += float(covariance[np.ix_(columns, columns)].mean())
    both = [*side.columns, *other.columns]
    between = covariance[np.ix_(both, both)]
    shared, fixed = without_rounding(np.array([shared, fixed]), between).tolist()
    return _estimate(side.mean - other.mean, (side, other), shared, fixed, images)


def paired(
    values: Replicates,
    other_values: Replicates,
    covariance: Float64[np.ndarray, "both both"],
    images: int,
) -> Estimate:
    """The mean of some values less that of others, where replicates of a position share networks.

    ``covariance``: between the replicates of the first, then of the others, over resampled images.

    >>> independent = np.diag([2.0, 1.0])
    >>> apart = paired(np.array([5.0]), np.array([3.0]), independent, images=100)
    >>> apart.value, round(apart.image_error**2, 6)
    (2.0, 3.0)
    """
    contrast = np.hstack([np.eye(len(values)), -np.eye(len(values))])
    between = without_rounding(contrast @ covariance @ contrast.T, covariance)
    return estimate(values - other_values, between, images)


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
    image_part = Part(math.sqrt(max(shared, 0.0)), max(images - 1, 1))
    network_parts = _joined([side.networks for side in sides if side.networks is not None])
    return Estimate(value, (*network_parts, image_part), math.sqrt(max(fixed, 0.0)))


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of the networks of both sides as one (Welch 1947); nothing of none."""
    variance = sum(part.error**2 for part in parts)
    if len(parts) < 2 or variance == 0:
        return tuple(parts[:1])
    degrees = variance**2 / sum(part.error**4 / part.degrees for part in parts)
    return (Part(math.sqrt(variance), degrees),)


MOST_UNDEFINED = 0.01
"""The largest share of resamples on which a measure may be undefined; above, it has no interval."""

FEWEST_OF_A_KIND = 30
"""Detection with fewer positives or negatives has no interval: with ten, that of AUROC covers the
truth in 90 % of simulations, with thirty in 94 %."""

FEW_OF_A_KIND = f"no interval: fewer than {FEWEST_OF_A_KIND} images of one kind"
TOO_FEW = "no interval: few images decide, and some resamples lack them all"
ALIKE = "no interval: every resample gives the same value"
BORROWED = f"{NETWORKS_KNOWN_FROM} ensembles of {{}} by the ratio of the sizes"


class Entrant(NamedTuple):
    """A method of a size: all its replicates."""

    recipe: str
    method: str
    members: str


class Column(NamedTuple):
    """A run unit by a measure.

    Attributes:
        members: of the run unit.
        score: by which it ranks images; empty: by none.
    """

    unit: RunUnit
    members: str
    score: str


class MetricValues(NamedTuple):
    """One measure on some images: of each run unit, and their covariance.

    Attributes:
        score: by which images are ranked, else empty.
        draws: what it is of.
        columns: what the values are of.
        values, covariance, undefined: see `covariance_of`; none of the values is NaN.
    """

    metric: Metric
    score: str
    draws: Draws
    columns: tuple[Column, ...]
    values: ResampledValues
    covariance: ResampledValues
    undefined: ResampledValues

    @classmethod
    def of(
        cls, draws: Draws, metric: str, score: str, columns: Mapping[Column, ResampledValues]
    ) -> Self:
        """Of these columns, each with its values on the images and on the resamples."""
        values = np.stack(list(columns.values()))
        covariance, undefined = covariance_of(values)
        return cls(
            METRICS[metric], score, draws, tuple(columns), values[:, 0], covariance, undefined
        )

    @property
    def images(self) -> int:
        """Those that the degrees of freedom count; in detection the fewer of the two kinds."""
        fewer = min(self.draws.images, self.draws.reference_images)
        return fewer if "reference" in self.metric.needs else self.draws.images

    @property
    def by_image(self) -> bool:
        """Whether it is a mean over images, each of which gives a difference."""
        return self.metric.family.means_over_images and self.draws.drawn_together

    @property
    def is_tested(self) -> bool:
        """Whether one value is better than another, and no test would detect bias."""
        return bool(self.metric.better) and not self.metric.biased


def columns_of(
    draws: Draws, metric: str, score: str, units: Iterable[RunUnit]
) -> dict[Column, ResampledValues]:
    """The run units that have a value by a measure, in their order, each with its values."""
    values = draws.values.get((metric, score), {})
    return {
        Column(unit, draws.members[unit], score): values[unit]
        for unit in sorted(units)
        if unit in values
    }


def variants_of(columns: Sequence[Column], scores: Collection[str]) -> dict[Entrant, list[int]]:
    """The columns of the replicates of each method and size, in their order, by these scores."""
    variants: dict[Entrant, list[int]] = {}
    for index, (unit, members, score) in enumerate(columns):
        if score in scores:
            variants.setdefault(Entrant(unit.recipe, unit.method, members), []).append(index)
    return {variant: variants[variant] for variant in sorted(variants, key=order)}


def sides_of(
    measured: MetricValues,
    variants: Mapping[Entrant, list[int]],
    ensemble_methods: Collection[str],
) -> dict[Entrant, Side]:
    """The replicates of each variant, which have a value."""
    sides = {
        variant: Side.of(measured.values[columns], columns) for variant, columns in variants.items()
    }
    for (recipe, method), ensembles in ensembles_of(sides, ensemble_methods).items():
        sizes = {size: side.values for size, side in ensembles.items()}
        for size, side in ensembles.items():
            variant = Entrant(recipe, method, str(size))
            sides[variant] = Side.of(side.values, side.columns, sizes, size)
    return sides


def ensembles_of(
    sides: Mapping[Entrant, Side], ensemble_methods: Collection[str]
) -> dict[tuple[str, str], dict[int, Side]]:
    """By recipe and method, ensembles of networks by their sizes, ascending; of one size, none."""
    ensembles: dict[tuple[str, str], dict[int, Side]] = {}
    for variant in sorted(sides, key=order):
        if variant.method in ensemble_methods and variant.members.isdigit():
            ensembles.setdefault(variant[:2], {})[int(variant.members)] = sides[variant]
    return {name: sizes for name, sizes in ensembles.items() if len(sizes) > 1}


def in_common(
    measured: MetricValues,
    pair: tuple[Entrant, Entrant],
    sides: tuple[Side, Side],
    ensemble_methods: Collection[str],
) -> list[tuple[int, int]]:
    """The columns of replicates with the same networks; empty where these cannot be paired.

    Replicate r of a method of one network has network r, of an ensemble other networks.
    """
    sizes = {variant.members if variant.method in ensemble_methods else "" for variant in pair}
    if pair[0].recipe != pair[1].recipe or len(sizes) > 1:
        return []
    first, second = (
        {measured.columns[i].unit.replicate: i for i in side.columns} for side in sides
    )
    both = [(first[number], second[number]) for number in first if number in second]
    return both if len(both) > 1 or min(len(first), len(second)) == 1 else []


def difference(
    measured: MetricValues, sides: tuple[Side, Side], common: list[tuple[int, int]]
) -> Estimate:
    """The difference of two sides, from the pairs of replicates that have networks in common."""
    if not common:
        return unpaired(*sides, measured.covariance, measured.images)
    first, second = ([pair[i] for pair in common] for i in (0, 1))
    columns = [*first, *second]
    between = measured.covariance[np.ix_(columns, columns)]
    return paired(measured.values[first], measured.values[second], between, measured.images)


def order(variant: Entrant) -> tuple[str, float, str, str]:
    """Sort key of variants: by method, then by size."""
    return variant.method, members_rank(variant.members), variant.members, variant.recipe


@dataclass(frozen=True)
class Relations:
    """What comparisons must know of methods.

    Attributes:
        probabilities_of: of each method that shares another's probabilities, the name of that.
            Beside that method, its metrics of the probabilities are compared with no method's: they
            would be tested twice.
        splits: of recipe and method, the images that it is fitted on; methods with different ones
            are not compared, since they differ in more than the method.
        ensemble_methods: those whose members are networks, of which each replicate has others.
        primary_scores: of each method the score by which it is compared first.
        usual_sizes: of each method those that users run.
        basic: the methods that every preset has; empty: all methods are alike.
        single_network_methods: those that are a trained network alone, with further scores.
        further_scores: of logits and features, which are compared with the methods' primary ones.
    """

    probabilities_of: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ensemble_methods: Collection[str] = ()
    primary_scores: Mapping[str, str] = field(default_factory=dict)
    usual_sizes: SizesByMethod = field(default_factory=dict)
    basic: Collection[str] = ()
    single_network_methods: Collection[str] = ()
    further_scores: Sequence[str] = ()

    def split_of(self, pair: Iterable[Entrant]) -> str | None:
        """The images that both are fitted on; ``None`` if these differ."""
        splits = {self.splits.get(variant[:2], "") for variant in pair}
        return splits.pop() if len(splits) == 1 else None


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
