"""From resamples to the interval of every measure, and paired differences between methods.

Methods are compared on the same images. Nothing is tested between conditions, nor where labels are
not well defined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.compared_sizes import compared_variants
from benchmarks.inference.differences import difference, effect_size, holm
from benchmarks.inference.estimate import Estimate, estimate
from benchmarks.inference.resampling import Resampled, ResamplingTask, Values
from benchmarks.metrics import Metric
from benchmarks.records import Comparison, Interval, Key, members_rank

MOST_UNDEFINED = 0.01
"""The largest share of resamples on which a measure may be undefined; above, it has no interval."""

FEWEST_OF_A_KIND = 30
"""Detection with fewer positives or negatives has no interval: with ten, that of AUROC covers the
truth in 90 % of simulations, with thirty in 94 %."""

FEW_OF_A_KIND = f"no interval: fewer than {FEWEST_OF_A_KIND} images of one kind"
TOO_FEW = "no interval: few images decide, and some resamples lack them all"
ALIKE = "no interval: every resample gives the same value"
INFINITE = "an infinite value is compared with nothing"
UNPAIRED = "fewer than two replicates in common: what they vary by cannot be seen"


class Variant(NamedTuple):
    """A method of a size: all its replicates."""

    recipe: str
    method: str
    members: str


class Estimates(NamedTuple):
    """The intervals of some measures, and the differences between methods."""

    intervals: dict[Key, Interval]
    comparisons: list[Comparison]


class _MetricValues(NamedTuple):
    """One measure under one condition: of each run unit, and their covariance.

    Attributes:
        compared: how many images methods are compared on.
        images: those that the degrees of freedom count; in detection the fewer of the two kinds.
        by_image: whether it is a mean over images, each of which gives a difference.
    """

    metric: Metric
    condition: str
    values: Values
    covariance: Values
    undefined: Values
    compared: int
    images: int
    by_image: bool


def compare(
    task: ResamplingTask,
    resampled: Resampled,
    probabilities_of: Mapping[str, str] | None = None,
    splits: Mapping[tuple[str, str], str] | None = None,
) -> Estimates:
    """The interval of each of the task's measures, and the differences between its methods.

    Args:
        probabilities_of: of each method that shares another one's probabilities, the name of that.
            Beside that one, its metrics of the probabilities are compared with no method's: they
            would be tested twice.
        splits: of recipe and method, the images that it is fitted on; methods with different ones
            are not compared, since they differ in more than the method.
    """
    estimates = Estimates({}, [])
    variants = _variants(resampled)
    uncompared = set(_uncompared(task))
    averaged = [condition.name for condition in task.conditions if condition.in_mean]
    methods = {variant.method for variant in variants}
    sharing = {name for name, other in (probabilities_of or {}).items() if other in methods}
    fitted_on = dict(splits or {})
    for measured in _each(task, resampled):
        for variant, units in variants.items():
            if columns := _with_value(measured, units):
                key = (*variant, measured.condition, task.score, measured.metric.name)
                estimates.intervals[key] = _interval(measured, columns)
        if (measured.metric.name, measured.condition) in uncompared:
            continue
        for pair in pairs_compared(list(variants), smaller=measured.condition not in averaged):
            if len({fitted_on.get(variant[:2]) for variant in pair}) > 1:
                continue
            one, other = (_with_value(measured, variants[variant]) for variant in pair)
            inherited = not task.score and sharing & {variant.method for variant in pair}
            if one and other and not inherited:
                paired = _paired(resampled, one, other)
                estimates.comparisons.append(_comparison(task, measured, pair, paired))
    return estimates


def pairs_compared(
    variants: list[Variant], *, smaller: bool = True
) -> list[tuple[Variant, Variant]]:
    """The pairs of methods that are compared, in the order of the variants.

    All pairs of the sizes of `benchmarks.compared_sizes`; every other size with the largest of its
    own method.

    Args:
        smaller: whether those other sizes are compared. They are not where a mean over conditions
            is compared, since each test makes Holm's correction stricter for all.
    """
    largest = {variant.method: variant for variant in sorted(variants, key=_order)}
    compared = compared_variants((variant.method, variant.members) for variant in variants)
    shown = {variant for variant in variants if (variant.method, variant.members) in compared}
    return [
        (one, other)
        for one, other in combinations(variants, 2)
        if {one, other} <= shown
        or (smaller and one.method == other.method and largest[one.method] in (one, other))
    ]


def comparisons_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """The comparisons with p-values corrected for their number: ``comparisons.csv``.

    The family of tests of Holm's correction is all pairs of methods under all conditions, of one
    recipe, metric and score. Sorted, so that equal runs write equal bytes.
    """
    columns = [field.name for field in fields(Comparison)]
    table = pd.DataFrame([asdict(row) for row in comparisons], columns=columns)
    family = ["recipe", "metric", "score"]
    sizes = [table[name].map(members_rank) for name in ("members", "other_members")]
    table = table.assign(size=sizes[0], other_size=sizes[1]).sort_values(
        [*family, "condition", "method", "size", "members", "other_method", "other_size"]
    )
    corrected = table.groupby(family)["p_value"].transform(lambda p: holm(p.to_numpy(float)))
    table.insert(columns.index("p_value") + 1, "p_holm", corrected)
    for name in ("p_value", "p_holm", "effect_size"):
        table[name] = table[name].astype(float).map(_three_digits)
    return table.drop(columns=["size", "other_size"]).reset_index(drop=True)


def _variants(resampled: Resampled) -> dict[Variant, list[int]]:
    """The indices of the replicates of each method and size, in their order."""
    variants: dict[Variant, list[int]] = {}
    for index, (unit, members) in enumerate(zip(resampled.units, resampled.members, strict=True)):
        variants.setdefault(Variant(unit.recipe, unit.method, members), []).append(index)
    return {variant: variants[variant] for variant in sorted(variants, key=_order)}


def _each(task: ResamplingTask, resampled: Resampled) -> Iterator[_MetricValues]:
    for m, metric in enumerate(task.metrics):
        for k, condition in enumerate(resampled.conditions):
            images = resampled.images[k]
            fewer = min(images, resampled.reference_images[k])
            yield _MetricValues(
                metric,
                condition,
                resampled.estimates[m, k],
                resampled.covariance[m, k],
                resampled.undefined[m, k],
                compared=images,
                images=fewer if "reference" in metric.needs else images,
                by_image=metric.family.means_over_images and resampled.drawn_together[k],
            )


def _uncompared(task: ResamplingTask) -> Iterator[tuple[str, str]]:
    """Pairs (metric, condition): ill-defined labels, and detection at single severities."""
    for condition in task.conditions:
        single = condition.severity is not None and not condition.subset
        for metric in task.metrics:
            by_label, detected = ("labels" in metric.needs, "reference" in metric.needs)
            if (by_label and condition.labels == "ill-defined") or (detected and single):
                yield metric.name, condition.name


def _with_value(measured: _MetricValues, units: list[int]) -> list[int]:
    return [unit for unit in units if not math.isnan(measured.values[unit])]


def _paired(resampled: Resampled, one: list[int], other: list[int]) -> tuple[list[int], list[int]]:
    """The replicates that both have, or all, where one of the two has a single one.

    Empty where both have several, but fewer than two in common.
    """
    if min(len(one), len(other)) == 1:
        return one, other
    numbers = [{resampled.units[i].replicate for i in indices} for indices in (one, other)]
    both = numbers[0] & numbers[1]
    if len(both) < 2:
        return [], []
    return (
        [i for i in one if resampled.units[i].replicate in both],
        [i for i in other if resampled.units[i].replicate in both],
    )


def _interval(measured: _MetricValues, columns: list[int]) -> Interval:
    """An infinite value has none; the reason is in its measurements."""
    if not np.isfinite(measured.values[columns]).all():
        return Interval(math.nan)
    between = measured.covariance[np.ix_(columns, columns)]
    mean = estimate(measured.values[columns], between, measured.images)
    return _reliable(mean, measured, columns)


def _reliable(estimated: Estimate, measured: _MetricValues, columns: list[int]) -> Interval:
    """The interval, or the reason why the resamples give none."""
    if "reference" in measured.metric.needs and measured.images < FEWEST_OF_A_KIND:
        return Interval(math.nan, FEW_OF_A_KIND)
    if (measured.undefined[columns] > MOST_UNDEFINED).any():
        return Interval(math.nan, TOO_FEW)
    return Interval(estimated.half_width) if estimated.half_width > 0 else Interval(math.nan, ALIKE)


def _comparison(
    task: ResamplingTask,
    measured: _MetricValues,
    pair: tuple[Variant, Variant],
    paired: tuple[list[int], list[int]],
) -> Comparison:
    metric, columns = measured.metric, [*paired[0], *paired[1]]
    row = partial(
        Comparison,
        recipe=task.recipe,
        condition=measured.condition,
        metric=metric.name,
        score=task.score,
        method=pair[0].method,
        members=pair[0].members,
        other_method=pair[1].method,
        other_members=pair[1].members,
        images=measured.compared,
    )
    if not columns:
        return row(status="undefined", reason=UNPAIRED)
    if not np.isfinite(measured.values[columns]).all():
        return row(status="undefined", reason=INFINITE)
    apart = difference(
        measured.values[paired[0]],
        measured.values[paired[1]],
        measured.covariance[np.ix_(columns, columns)],
        measured.images,
    )
    interval = _reliable(apart, measured, columns)
    comparable = metric.better != "" and not metric.biased
    tested = comparable and interval.reason in ("", ALIKE)
    value, lower, upper = interval.around(apart.value)
    return row(
        difference=value,
        lower=lower,
        upper=upper,
        p_value=apart.p_value if tested else None,
        effect_size=effect_size(apart, measured.compared) if measured.by_image else None,
        reason=interval.reason,
    )


def _order(variant: Variant) -> tuple[str, float, str]:
    return variant.method, members_rank(variant.members), variant.members


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
