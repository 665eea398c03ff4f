"""From resamples to the interval of every measure, and paired differences between methods.

Methods are compared on the same images. Nothing is tested between conditions, nor where labels are
not well defined.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.compared_sizes import Usual
from benchmarks.inference.comparison.differences import effect_size, holm
from benchmarks.inference.comparison.equivalence import margins
from benchmarks.inference.comparison.intervals import ALIKE, interval_of, reliable, unreliable
from benchmarks.inference.comparison.pairs import Pair, family, pairs_compared
from benchmarks.inference.comparison.rows import Comparison, WorthRow
from benchmarks.inference.comparison.sides import (
    MetricValues,
    Variant,
    difference,
    each_measure,
    ensembles_of,
    in_common,
    sides_of,
    variants_of,
)
from benchmarks.inference.comparison.worth import Worth, worth
from benchmarks.inference.estimate import Estimate, Side
from benchmarks.inference.resampling import Resampled
from benchmarks.inference.resampling_tasks import ResamplingTask
from benchmarks.records import Interval, Key, members_rank
from benchmarks.vocabulary import SELF_TRAINED

INFINITE = "an infinite value is compared with nothing"

FAMILY = ["family", "split", "metric", "score"]
"""The columns whose values a family of tests has in common."""


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
    """

    probabilities_of: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    of_networks: Collection[str] = ()
    primary_scores: Mapping[str, str] = field(default_factory=dict)
    usual_sizes: Usual = field(default_factory=dict)


class Estimates(NamedTuple):
    """The intervals of some measures, the differences between methods, and their worth."""

    intervals: dict[Key, Interval]
    comparisons: list[Comparison]
    worths: list[WorthRow]

    @classmethod
    def joined(cls, several: Iterable[Estimates]) -> Estimates:
        """All of several; none of none."""
        one = cls({}, [], [])
        for estimates in several:
            one.intervals.update(estimates.intervals)
            one.comparisons.extend(estimates.comparisons)
            one.worths.extend(estimates.worths)
        return one


def compare(
    task: ResamplingTask, resampled: Resampled, relations: Relations | None = None
) -> Estimates:
    """The interval of each of the task's measures, and the differences between its methods."""
    relations = relations or Relations()
    estimates = Estimates.joined(())
    variants = variants_of(resampled)
    for measured in each_measure(task, resampled):
        every = sides_of(measured, variants, relations.of_networks)
        sides = {
            variant: side
            for variant, side in every.items()
            if resampled.standing_in.isdisjoint(side.columns)
        }
        for variant, side in sides.items():
            key = (*variant, measured.condition, task.score, measured.metric.name)
            estimates.intervals[key] = interval_of(measured, side)
        if _is_compared(measured):
            estimates.comparisons.extend(_compared(resampled, measured, sides, relations))
            estimates.worths.extend(_worths(measured, sides, every, relations))
    return estimates


def comparisons_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """The comparisons with p-values corrected for their number: ``comparisons.csv``.

    Those of a family are corrected together, by Holm; equivalence is tested at each one's own
    level. Sorted, so that equal runs write equal bytes.
    """
    columns = [field.name for field in fields(Comparison)]
    rows = [asdict(row) for row in comparisons]
    # Methods that train themselves are compared with each other beside the recipes of each split.
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(ignore_index=True)
    sizes = [table[name].map(members_rank) for name in ("members", "other_members")]
    sides = ["recipe", "method", "size", "members"]
    table = table.assign(size=sizes[0], other_size=sizes[1]).sort_values(
        [*FAMILY, "condition", *sides, *(f"other_{name}" for name in sides)]
    )
    corrected = table.groupby(FAMILY)["p_value"].transform(lambda p: holm(p.to_numpy(float)))
    table.insert(columns.index("p_value") + 1, "p_holm", corrected)
    rounded = [name for name in table if str(name).startswith("p_")]
    for name in (*rounded, "margin", "effect_size"):
        table[name] = table[name].astype(float).map(_three_digits)
    return table.drop(columns=["size", "other_size"]).reset_index(drop=True)


def worths_table(worths: Iterable[WorthRow]) -> pd.DataFrame:
    """The worth of each method in networks: ``worth.csv``. Sorted."""
    columns = [field.name for field in fields(WorthRow)]
    table = pd.DataFrame([asdict(row) for row in worths], columns=columns)
    by = ["ensemble_recipe", "ensemble", "recipe", "metric", "score", "condition", "method"]
    table = table.assign(size=table["members"].map(members_rank)).sort_values([*by, "size"])
    return table.drop(columns="size").reset_index(drop=True)


def _is_compared(measured: MetricValues) -> bool:
    """Not by labels that are ill-defined, and detection only beyond single severities."""
    metric, shift = measured.metric, measured.shift
    if shift is None:
        return True
    if "labels" in metric.needs and shift.labels == "ill-defined":
        return False
    return "reference" not in metric.needs or shift.severity is None or shift.subset


def _compared(
    resampled: Resampled,
    measured: MetricValues,
    sides: Mapping[Variant, Side],
    relations: Relations,
) -> Iterator[Comparison]:
    """The comparisons of one measure on some images."""
    among = list(sides)
    within = margins(measured, sides, relations.of_networks)
    methods = {variant.method for variant in among}
    sharing = {name for name, other in relations.probabilities_of.items() if other in methods}
    # Of a group, smaller sizes are compared by its mean.
    in_mean = measured.shift is not None and measured.shift.in_mean
    for pair in pairs_compared(among, relations.usual_sizes, smaller=not in_mean):
        splits = {relations.splits.get(variant[:2], "") for variant in pair}
        inherited = not measured.score and sharing & {variant.method for variant in pair}
        if len(splits) > 1 or inherited:
            continue
        both = sides[pair[0]], sides[pair[1]]
        common = in_common(resampled, pair, both, relations.of_networks)
        row = partial(
            Comparison,
            family=family(pair, among, measured, relations.primary_scores),
            split=splits.pop(),
            condition=measured.condition,
            metric=measured.metric.name,
            score=measured.score,
            images=measured.compared,
            **_named(pair),
        )
        if not all(np.isfinite(side.values).all() for side in both):
            yield row(status="undefined", reason=INFINITE)
            continue
        apart = difference(measured, both, common)
        interval = reliable(apart, measured, both)
        value, lower, upper = interval.around(apart.value)
        yield row(
            difference=value,
            lower=lower,
            upper=upper,
            effect_size=effect_size(apart, measured.compared) if measured.by_image else None,
            # Pairs vary as they are seen to: nothing is borrowed.
            reason=interval.reason or ("" if common else interval.note),
            **_tests(measured, apart, interval, _margin(pair, within)),
        )


def _worths(
    measured: MetricValues,
    sides: Mapping[Variant, Side],
    every: Mapping[Variant, Side],
    relations: Relations,
) -> Iterator[WorthRow]:
    """The worth of each method in ensembles of each recipe, by one measure on some images.

    An ensemble's is in those of other recipes alone: of its own it is its size. By a score that
    ensembles have not, these stand in by another; ``every`` has them.
    """
    metric = measured.metric
    if not metric.better or metric.biased:
        return
    curves = ensembles_of(every, relations.of_networks)
    for variant, side in sides.items():
        primary = relations.primary_scores.get(variant.method, measured.score)
        if measured.score and primary != measured.score:
            continue
        for ensemble, sizes in curves.items():
            splits = {relations.splits.get(one, "") for one in (variant[:2], ensemble)}
            if ensemble == variant[:2] or len(splits) > 1:
                continue
            found = (
                Worth.undefined(reason)
                if (reason := unreliable(measured, (side, *sizes.values())))
                else worth(
                    side,
                    sizes,
                    measured.covariance,
                    measured.images,
                    higher_is_better=metric.better == "higher",
                )
            )
            yield WorthRow(
                *variant,
                measured.condition,
                measured.score,
                metric.name,
                *ensemble,
                *found.texts(list(sizes)),
                measured.compared,
                "undefined" if math.isnan(found.networks) else "ok",
                found.reason,
            )


def _named(pair: Pair) -> dict[str, Any]:
    """The names of both sides, as the fields of a comparison."""
    one, other = (variant._asdict() for variant in pair)
    return one | {f"other_{name}": value for name, value in other.items()}


def _margin(pair: Pair, within: Mapping[str, float]) -> float | None:
    """The smaller margin of both recipes; a method that trains itself has that of the other."""
    recipes = {variant.recipe for variant in pair} - {SELF_TRAINED}
    if not recipes or not recipes <= within.keys():
        return None
    return min(within[recipe] for recipe in recipes)


def _tests(
    measured: MetricValues, apart: Estimate, interval: Interval, margin: float | None
) -> dict[str, Any]:
    """The p-values of a difference; none where no value is better, or a test would detect bias."""
    metric = measured.metric
    if not metric.better or metric.biased or interval.reason not in ("", ALIKE):
        return {}
    tests = {"p_value": apart.p_value}
    if margin is None:
        return tests
    better = apart if metric.better == "higher" else apart._replace(value=-apart.value)
    return tests | {
        "margin": margin,
        "p_equivalent": better.p_within(margin),
        "p_not_worse": better.p_above(-margin),
        "p_not_better": better._replace(value=-better.value).p_above(-margin),
    }


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
