"""From resamples to what can be said: the interval of every measure, and paired differences.

Compared are methods on the same images; nothing is tested across conditions that are made of the
same images, nor where labels are not well defined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.compared_sizes import compared_variants
from benchmarks.inference.differences import difference, effect_size, holm
from benchmarks.inference.estimate import Estimate, estimate
from benchmarks.inference.measures import DETECTION, LABELLED, SELECTIVE, UNCERTAINTIES
from benchmarks.inference.resampling import AGAINST_LABELS, Resampled, ResamplingTask, Values
from benchmarks.records import Comparison, Interval, Key, members_rank
from benchmarks.vocabulary import BIASED

MEANS_OVER_IMAGES = (*UNCERTAINTIES, *AGAINST_LABELS)
"""Measures whose differences have an effect size in standard deviations."""

BY_LABEL = (*LABELLED, *SELECTIVE)

TESTED = tuple(metric for metric in (*BY_LABEL, *DETECTION) if metric not in BIASED)
"""Measures of which one value is better than another, and a difference is one of the methods."""

MOST_UNDEFINED = 0.01
"""The share of resamples that may leave a measure undefined; above it there is no interval."""

FEWEST_OF_A_KIND = 30
"""Images of either kind without which detection has no interval: of ten, one of AUROC covers the
truth in 90 % of simulations, of thirty in 94 %."""

FEW_OF_A_KIND = f"no interval: fewer than {FEWEST_OF_A_KIND} images of one kind"
TOO_FEW = "no interval: few images decide, and some resamples lack them all"
ALIKE = "no interval: every resample gives the same value"
INFINITE = "an infinite value is compared with nothing"
UNPAIRED = "fewer than two replicates in common: what they vary by cannot be seen"


class Variant(NamedTuple):
    """A method of a size, whose replicates belong together."""

    recipe: str
    method: str
    members: str


class Estimates(NamedTuple):
    """What is known of some measures: an interval each, and differences between methods."""

    intervals: dict[Key, Interval]
    comparisons: list[Comparison]


class _Measured(NamedTuple):
    """One measure under one condition: of each cell, and between them.

    ``images``: those that the interval can be no surer than: in detection the fewer of two kinds.
    """

    metric: str
    condition: str
    values: Values
    covariance: Values
    undefined: Values
    images: int


def compare(task: ResamplingTask, found: Resampled) -> Estimates:
    """The interval of each of the unit's measures, and the differences between its methods."""
    estimates = Estimates({}, [])
    variants = _variants(found)
    uncompared = set(_uncompared(task))
    averaged = [condition.name for condition in task.conditions if condition.averaged]
    for measured in _each(task, found):
        for variant, units in variants.items():
            if columns := _with_value(measured, units):
                key = (*variant, measured.condition, task.score, measured.metric)
                estimates.intervals[key] = _interval(measured, columns)
        if (measured.metric, measured.condition) in uncompared:
            continue
        for pair in pairs_compared(list(variants), smaller=measured.condition not in averaged):
            one, other = (_with_value(measured, variants[variant]) for variant in pair)
            if one and other:
                places = _paired(found, one, other)
                row = _comparison(task, measured, pair, places, found.images)
                estimates.comparisons.append(row)
    return estimates


def pairs_compared(
    variants: list[Variant], *, smaller: bool = True
) -> list[tuple[Variant, Variant]]:
    """Which methods are compared, in the order of the variants.

    Each with each other where sizes stand beside one another (see `benchmarks.compared_sizes`); every other
    size with its own method's largest.

    Args:
        smaller: whether those others are compared at all. They are not where a mean over conditions
            is compared already, since each test makes Holm's correction stricter for all.
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

    The family of tests within which Holm's correction is made is all pairs of methods under all
    conditions, of one recipe, metric and score. Sorted, so that equal runs write equal bytes.
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


def _variants(found: Resampled) -> dict[Variant, list[int]]:
    """Where the replicates of each method and size are, in their order."""
    variants: dict[Variant, list[int]] = {}
    for place, (unit, members) in enumerate(zip(found.units, found.members, strict=True)):
        variants.setdefault(Variant(unit.recipe, unit.method, members), []).append(place)
    return {variant: variants[variant] for variant in sorted(variants, key=_order)}


def _each(task: ResamplingTask, found: Resampled) -> Iterator[_Measured]:
    fewer = min(found.images, found.reference_images)
    for m, metric in enumerate(task.metrics):
        images = fewer if metric in DETECTION else found.images
        for k, condition in enumerate(found.conditions):
            of_all = (found.estimates[m, k], found.covariance[m, k], found.undefined[m, k])
            yield _Measured(metric, condition, *of_all, images)


def _uncompared(task: ResamplingTask) -> Iterator[tuple[str, str]]:
    """What decides nothing: doubtful labels, and detection at each angle beside their mean."""
    for condition in task.conditions:
        if condition.labels_ill_defined:
            yield from ((metric, condition.name) for metric in BY_LABEL)
        if condition.angle and not condition.subset:
            yield from ((metric, condition.name) for metric in DETECTION)


def _with_value(measured: _Measured, units: list[int]) -> list[int]:
    return [unit for unit in units if not math.isnan(measured.values[unit])]


def _paired(found: Resampled, one: list[int], other: list[int]) -> tuple[list[int], list[int]]:
    """The replicates that both have, or all, where one of the two has a single one.

    None where several have fewer than two in common.
    """
    if min(len(one), len(other)) == 1:
        return one, other
    numbers = [{found.units[place].replicate for place in places} for places in (one, other)]
    both = numbers[0] & numbers[1]
    if len(both) < 2:
        return [], []
    return (
        [place for place in one if found.units[place].replicate in both],
        [place for place in other if found.units[place].replicate in both],
    )


def _interval(measured: _Measured, columns: list[int]) -> Interval:
    """Without a reason where the value is infinite: its row says why."""
    if not np.isfinite(measured.values[columns]).all():
        return Interval(math.nan)
    between = measured.covariance[np.ix_(columns, columns)]
    found = estimate(measured.values[columns], between, measured.images)
    return _reliable(found, measured, columns)


def _reliable(found: Estimate, measured: _Measured, columns: list[int]) -> Interval:
    """The interval, unless the resamples cannot give one."""
    if measured.metric in DETECTION and measured.images < FEWEST_OF_A_KIND:
        return Interval(math.nan, FEW_OF_A_KIND)
    if (measured.undefined[columns] > MOST_UNDEFINED).any():
        return Interval(math.nan, TOO_FEW)
    return Interval(found.half_width) if found.half_width > 0 else Interval(math.nan, ALIKE)


def _comparison(
    task: ResamplingTask,
    measured: _Measured,
    pair: tuple[Variant, Variant],
    places: tuple[list[int], list[int]],
    images: int,
) -> Comparison:
    columns = [*places[0], *places[1]]
    row = partial(
        Comparison,
        recipe=task.recipe,
        condition=measured.condition,
        metric=measured.metric,
        score=task.score,
        method=pair[0].method,
        members=pair[0].members,
        other_method=pair[1].method,
        other_members=pair[1].members,
        images=images,
    )
    if not columns:
        return row(status="undefined", reason=UNPAIRED)
    if not np.isfinite(measured.values[columns]).all():
        return row(status="undefined", reason=INFINITE)
    found = difference(
        measured.values[places[0]],
        measured.values[places[1]],
        measured.covariance[np.ix_(columns, columns)],
        measured.images,
    )
    interval = _reliable(found, measured, columns)
    tested = measured.metric in TESTED and interval.reason in ("", ALIKE)
    of_means = measured.metric in MEANS_OVER_IMAGES
    value, lower, upper = interval.around(found.value)
    return row(
        difference=value,
        lower=lower,
        upper=upper,
        p_value=found.p_value if tested else None,
        effect_size=effect_size(found, images) if of_means else None,
        reason=interval.reason,
    )


def _order(variant: Variant) -> tuple[str, float, str]:
    return variant.method, members_rank(variant.members), variant.members


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
