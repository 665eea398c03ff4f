"""The replicates of each method by a measure, and which of them have networks in common."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np

from benchmarks.inference.comparison.differences import paired
from benchmarks.inference.estimate import Estimate, Side, unpaired
from benchmarks.inference.resampling import Draws, Values, covariance_of
from benchmarks.metrics import METRICS, Metric
from benchmarks.predictions import RunUnit
from benchmarks.schema import members_rank
from benchmarks.tasks.conditions import Condition


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
        condition: the name of the images, or that of the mean over a group of conditions.
        shift: the condition itself; ``None``: such a mean.
        with_mean: whether the mean over its group is measured too.
        columns: what the values are of.
        values, covariance, undefined: see `covariance_of`; none of the values is NaN.
        compared: how many images methods are compared on.
        images: those that the degrees of freedom count; in detection the fewer of the two kinds.
        by_image: whether it is a mean over images, each of which gives a difference.
    """

    metric: Metric
    score: str
    condition: str
    shift: Condition | None
    with_mean: bool
    columns: tuple[Column, ...]
    values: Values
    covariance: Values
    undefined: Values
    compared: int
    images: int
    by_image: bool

    @classmethod
    def of(cls, draws: Draws, metric: str, score: str, columns: Mapping[Column, Values]) -> Self:
        """Of these columns, each with its values on the images and on the resamples."""
        values = np.stack(list(columns.values()))
        fewer = min(draws.images, draws.reference_images)
        own = METRICS[metric]
        return cls(
            own,
            score,
            draws.condition,
            draws.shift,
            draws.with_mean,
            tuple(columns),
            values[:, 0],
            *covariance_of(values),
            compared=draws.images,
            images=fewer if "reference" in own.needs else draws.images,
            by_image=own.family.means_over_images and draws.drawn_together,
        )


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
