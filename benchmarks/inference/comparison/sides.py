"""The replicates of each method by a measure, and which of them have networks in common."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.inference.comparison.differences import paired
from benchmarks.inference.estimate import Estimate, Side, unpaired
from benchmarks.inference.resampling import Resampled, Values
from benchmarks.inference.resampling_tasks import ResamplingTask
from benchmarks.metrics import Metric
from benchmarks.schema import members_rank
from benchmarks.tasks.conditions import Condition


class Variant(NamedTuple):
    """A method of a size: all its replicates."""

    recipe: str
    method: str
    members: str


class MetricValues(NamedTuple):
    """One measure under one condition: of each run unit, and their covariance.

    Attributes:
        score: by which images are ranked, else empty.
        condition: its name, or that of the mean over a group of conditions.
        shift: the condition itself; ``None``: such a mean.
        with_mean: whether the mean over its group is measured too.
        compared: how many images methods are compared on.
        images: those that the degrees of freedom count; in detection the fewer of the two kinds.
        by_image: whether it is a mean over images, each of which gives a difference.
    """

    metric: Metric
    score: str
    condition: str
    shift: Condition | None
    with_mean: bool
    values: Values
    covariance: Values
    undefined: Values
    compared: int
    images: int
    by_image: bool


def variants_of(resampled: Resampled, scores: Collection[str]) -> dict[Variant, list[int]]:
    """The columns of the replicates of each method and size, in their order, by these scores."""
    variants: dict[Variant, list[int]] = {}
    columns = zip(resampled.units, resampled.members, resampled.scores, strict=True)
    for index, (unit, members, score) in enumerate(columns):
        if score in scores:
            variants.setdefault(Variant(unit.recipe, unit.method, members), []).append(index)
    return {variant: variants[variant] for variant in sorted(variants, key=order)}


def each_measure(task: ResamplingTask, resampled: Resampled) -> Iterator[MetricValues]:
    """Each measure under each condition."""
    shifts = {condition.name: condition for condition in task.conditions}
    for m, metric in enumerate(task.metrics):
        for k, condition in enumerate(resampled.conditions):
            images = resampled.images[k]
            fewer = min(images, resampled.reference_images[k])
            shift = shifts.get(condition)
            yield MetricValues(
                metric,
                task.score,
                condition,
                shift,
                shift is not None and shift.group in task.averaged,
                resampled.estimates[m, k],
                resampled.covariance[m, k],
                resampled.undefined[m, k],
                compared=images,
                images=fewer if "reference" in metric.needs else images,
                by_image=metric.family.means_over_images and resampled.drawn_together[k],
            )


def sides_of(
    measured: MetricValues, variants: Mapping[Variant, list[int]], of_networks: Collection[str]
) -> dict[Variant, Side]:
    """The replicates of each variant that have a value; without those that have none."""
    columns = {
        variant: [unit for unit in units if not math.isnan(measured.values[unit])]
        for variant, units in variants.items()
    }
    values = {variant: measured.values[units] for variant, units in columns.items() if units}
    sides = {variant: Side.of(values[variant], columns[variant]) for variant in values}
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
    resampled: Resampled,
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
    one, other = ({resampled.units[i].replicate: i for i in side.columns} for side in sides)
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
