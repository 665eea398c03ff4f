"""One comparison of two methods, and one worth of a method in networks, from their replicates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.inference.comparison.differences import effect_size
from benchmarks.inference.comparison.intervals import ALIKE, Interval, reliable, unreliable
from benchmarks.inference.comparison.pairs import Pair
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.comparison.sides import MetricValues, Variant, difference, in_common
from benchmarks.inference.comparison.worth import Worth, worth
from benchmarks.inference.estimate import Estimate, Side
from benchmarks.schema import Comparison, WorthRow
from benchmarks.vocabulary import SELF_TRAINED

INFINITE = "an infinite value is compared with nothing"


def comparison(
    measured: MetricValues,
    pair: Pair,
    both: tuple[Side, Side],
    relations: Relations,
    within: Mapping[str, float],
    *,
    family: str,
    scores: tuple[str, str] | None = None,
) -> Comparison:
    """The paired difference of two methods by one measure on some images, with its tests.

    Args:
        pair: the methods.
        both: their replicates.
        within: the margin of equivalence of each recipe that has one.
        family: the tests that it is corrected with.
        scores: by which the two rank images; ``None``: both by the score of the measure.
    """
    common = in_common(measured, pair, both, relations.of_networks)
    one, other = scores or (measured.score, measured.score)
    row = partial(
        Comparison,
        family=family,
        split=relations.split_of(pair) or "",
        condition=measured.condition,
        metric=measured.metric.name,
        score=one,
        other_score=other if other != one else "",
        images=measured.compared,
        **_named(pair),
    )
    if not all(np.isfinite(side.values).all() for side in both):
        return row(status="undefined", reason=INFINITE)
    apart = difference(measured, both, common)
    interval = reliable(apart, measured, both)
    value, lower, upper = interval.around(apart.value)
    return row(
        difference=value,
        lower=lower,
        upper=upper,
        effect_size=effect_size(apart, measured.compared) if measured.by_image else None,
        # Pairs vary as they are seen to: nothing is borrowed.
        reason=interval.reason or ("" if common else interval.note),
        **_tests(measured, apart, interval, _margin(pair, within)),
    )


def worth_row(
    measured: MetricValues,
    variant: Variant,
    side: Side,
    ensemble: tuple[str, str],
    sizes: Mapping[int, Side],
    score: str,
) -> WorthRow:
    """How many networks of an ensemble a method is worth by one measure on some images.

    Args:
        ensemble: the recipe, and the method that forms ensembles.
        sizes: their replicates by size.
        score: by which the method ranks images; ensembles may by another.
    """
    higher, covariance = measured.metric.better == "higher", measured.covariance
    found = (
        Worth.undefined(reason)
        if (reason := unreliable(measured, (side, *sizes.values())))
        else worth(side, sizes, covariance, measured.images, higher_is_better=higher)
    )
    return WorthRow(
        *variant,
        measured.condition,
        score,
        measured.metric.name,
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
