"""The replicates of each method by a measure, what relates them, and their intervals."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from benchmarks.compared_sizes import Usual
from benchmarks.inference.estimate import Estimate, Side, mean, paired, unpaired
from benchmarks.inference.resampling import Draws, Values, covariance_of
from benchmarks.metrics import METRICS, Metric
from benchmarks.predictions import RunUnit
from benchmarks.schema import members_rank
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


class Variant(NamedTuple):
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
    values: Values
    covariance: Values
    undefined: Values

    @classmethod
    def of(cls, draws: Draws, metric: str, score: str, columns: Mapping[Column, Values]) -> Self:
        """Of these columns, each with its values on the images and on the resamples."""
        values = np.stack(list(columns.values()))
        of_images = values[:, 0], *covariance_of(values)
        return cls(METRICS[metric], score, draws, tuple(columns), *of_images)

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
) -> dict[Column, Values]:
    """The run units that have a value by a measure, in their order, each with its values."""
    values = draws.values.get((metric, score), {})
    return {
        Column(unit, draws.members[unit], score): values[unit]
        for unit in sorted(units)
        if unit in values
    }


def variants_of(columns: Sequence[Column], scores: Collection[str]) -> dict[Variant, list[int]]:
    """The columns of the replicates of each method and size, in their order, by these scores."""
    variants: dict[Variant, list[int]] = {}
    for index, (unit, members, score) in enumerate(columns):
        if score in scores:
            variants.setdefault(Variant(unit.recipe, unit.method, members), []).append(index)
    return {variant: variants[variant] for variant in sorted(variants, key=order)}


def sides_of(
    measured: MetricValues, variants: Mapping[Variant, list[int]], of_networks: Collection[str]
) -> dict[Variant, Side]:
    """The replicates of each variant, which have a value."""
    sides = {
        variant: Side.of(measured.values[columns], columns) for variant, columns in variants.items()
    }
    for (recipe, method), ensembles in ensembles_of(sides, of_networks).items():
        sizes = {size: side.values for size, side in ensembles.items()}
        for size, side in ensembles.items():
            variant = Variant(recipe, method, str(size))
            sides[variant] = Side.of(side.values, side.columns, sizes, size)
    return sides


def ensembles_of(
    sides: Mapping[Variant, Side], of_networks: Collection[str]
) -> dict[tuple[str, str], dict[int, Side]]:
    """By recipe and method, ensembles of networks by their sizes, ascending; of one size, none."""
    found: dict[tuple[str, str], dict[int, Side]] = {}
    for variant in sorted(sides, key=order):
        if variant.method in of_networks and variant.members.isdigit():
            found.setdefault(variant[:2], {})[int(variant.members)] = sides[variant]
    return {name: sizes for name, sizes in found.items() if len(sizes) > 1}


def in_common(
    measured: MetricValues,
    pair: tuple[Variant, Variant],
    sides: tuple[Side, Side],
    of_networks: Collection[str],
) -> list[tuple[int, int]]:
    """The columns of replicates with the same networks; empty where these cannot be paired.

    Replicate r of a method of one network has network r, of an ensemble other networks.
    """
    sizes = {one.members if one.method in of_networks else "" for one in pair}
    if pair[0].recipe != pair[1].recipe or len(sizes) > 1:
        return []
    one, other = ({measured.columns[i].unit.replicate: i for i in side.columns} for side in sides)
    both = [(one[number], other[number]) for number in one if number in other]
    return both if len(both) > 1 or min(len(one), len(other)) == 1 else []


def difference(
    measured: MetricValues, sides: tuple[Side, Side], common: list[tuple[int, int]]
) -> Estimate:
    """The difference of two sides, from the pairs of replicates that have networks in common."""
    if not common:
        return unpaired(*sides, measured.covariance, measured.images)
    one, other = ([pair[i] for pair in common] for i in (0, 1))
    columns = [*one, *other]
    between = measured.covariance[np.ix_(columns, columns)]
    return paired(measured.values[one], measured.values[other], between, measured.images)


def order(variant: Variant) -> tuple[str, float, str, str]:
    """Sort key of variants: by method, then by size."""
    return variant.method, members_rank(variant.members), variant.members, variant.recipe


@dataclass(frozen=True)
class Relations:
    """What comparisons must know of methods.

    Attributes:
        probabilities_of: of each method that shares another one's probabilities, the name of that.
            Beside that one, its metrics of the probabilities are compared with no method's: they
            would be tested twice.
        splits: of recipe and method, the images that it is fitted on; methods with different ones
            are not compared, since they differ in more than the method.
        of_networks: the methods whose members are networks, of which each replicate has others.
        primary_scores: of each method the score by which it is compared first.
        usual_sizes: of each method those that users run.
        basic: the methods that every preset has; empty: all methods are alike.
        of_single: the methods that are a trained network alone, of which further scores can be had.
        further_scores: of logits and features, which are compared with the methods' primary ones.
    """

    probabilities_of: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    of_networks: Collection[str] = ()
    primary_scores: Mapping[str, str] = field(default_factory=dict)
    usual_sizes: Usual = field(default_factory=dict)
    basic: Collection[str] = ()
    of_single: Collection[str] = ()
    further_scores: Sequence[str] = ()

    def split_of(self, pair: Iterable[Variant]) -> str | None:
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
