"""Which methods are compared, and in which family of tests, all written down in advance.

A family's p-values are corrected together (Holm), of one metric, one score and one set of training
images. The family `MAIN` answers which method to use: the methods at their largest size, of all
recipes, under the conditions of the headline table, by their primary scores; each against those
that every preset has. What is of interest beside it has families of its own, so that it makes the
main tests no stricter.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from benchmarks.inference.evidence import Entrant, Evidence, Scored
from benchmarks.inference.intervals import (
    ALIKE,
    Estimate,
    Interval,
    Key,
    MetricValues,
    Relations,
    Side,
    difference,
    effect_size,
    ensembles_of,
    in_common,
    interval_of,
    order,
    reliable,
    sides_of,
    unreliable,
)
from benchmarks.inference.worth import Worth, margins, worth
from benchmarks.metrics import METRICS
from benchmarks.nouns import NO_SIZES, SizesByMethod, compared_variants, usual_variants
from benchmarks.predictions import RunUnit
from benchmarks.schema import Comparison, WorthRow, members_rank
from benchmarks.vocabulary import SELF_TRAINED
from methods.scores import SCORES

MAIN = "main"
"""The methods at their largest size, on the images of the headline table, by primary scores."""

ADDED = "added"
"""The same of two methods neither of which every preset has: of what can be added to a network."""

SIZES = "sizes"
"""Other sizes of methods."""

SEVERITIES = "severities"
"""Single severities or kinds of shifts, whose mean the headline table has."""

SUBSETS = "subsets"
"""Few images, for the sake of slow methods."""

OTHER_SCORES = "scores"
"""Other scores than the primary ones of both methods."""

FURTHER_SCORES = "further scores"
"""Each score of logits or features of a network with the network's own primary score."""

BETWEEN_SCORES = "between scores"
"""Such scores of one network with each other, and with all other methods by their primary score."""

OF_SCORES = (FURTHER_SCORES, BETWEEN_SCORES)
"""The families that compare scores."""

Pair = tuple[Entrant, Entrant]


def pairs_compared(
    variants: Sequence[Entrant], usual: SizesByMethod = NO_SIZES, *, smaller: bool = True
) -> list[Pair]:
    """The pairs of methods that are compared, in the order of the variants.

    Of one recipe all pairs of the sizes of `compared_sizes`, every usual size with all
    methods at their largest, and every other size with the largest of its own method. Of two
    recipes the methods at their largest sizes. A method that trains itself counts as one of each
    recipe.

    Args:
        usual: the sizes that users run.
        smaller: whether those other sizes are compared.
    """
    largest, named = largest_of(variants), [variant[1:] for variant in variants]
    compared, often = compared_variants(named, usual), usual_variants(named, usual)
    shown = {variant for variant in variants if variant[1:] in compared}

    def is_compared(pair: Pair) -> bool:
        if _across(pair):
            return largest.issuperset(pair)
        if shown.issuperset(pair):
            return True
        for variant, other in (pair, pair[::-1]):
            is_own = smaller and variant[:2] == other[:2]
            if other in largest and (is_own or variant[1:] in often):
                return True
        return False

    return list(filter(is_compared, combinations(variants, 2)))


def family(
    pair: Pair,
    largest: Set[Entrant],
    measured: MetricValues,
    primary: Mapping[str, str],
    basic: Collection[str] = (),
) -> str:
    """The family of tests of a pair.

    Args:
        largest: the methods at their largest size.
        measured: what is compared.
        primary: of each method its primary score.
        basic: the methods that every preset has; empty: all methods are alike.
    """
    shift = measured.evidence.shift
    kinds = {
        SIZES: not largest >= set(pair),
        OTHER_SCORES: _is_secondary(pair, measured, primary),
        SUBSETS: shift is not None and shift.subset,
        SEVERITIES: shift is not None and shift.is_one_of_many and measured.evidence.with_mean,
    }
    kinds[ADDED] = bool(basic) and not any(variant.method in basic for variant in pair)
    return next((kind for kind, is_it in kinds.items() if is_it), MAIN)


def is_of_interest(
    pair: Pair, family_name: str, measured: MetricValues, primary: Mapping[str, str]
) -> bool:
    """Whether a pair of a family is compared by a measure, so that no file drowns in rows.

    Where no value is better, only the family `MAIN` is. By other scores than the primary ones, only
    methods of one recipe at their largest size or of the same number of members, by metrics that
    judge the score on all images: disagreement ties fewer images the more members there are.
    """
    metric = measured.metric
    if not metric.better:
        return family_name == MAIN
    if not _is_secondary(pair, measured, primary):
        return True
    alike = pair[0].members == pair[1].members
    return (family_name != SIZES or alike) and not _across(pair) and metric.coverage == 1


def _is_secondary(pair: Pair, measured: MetricValues, primary: Mapping[str, str]) -> bool:
    """Whether the score is not the primary one of both methods."""
    score = measured.score
    return score != "" and any(primary.get(variant.method, score) != score for variant in pair)


def largest_of(variants: Iterable[Entrant]) -> set[Entrant]:
    """Of each recipe and method the largest size."""
    last = {variant[:2]: variant for variant in sorted(variants, key=order)}
    return set(last.values())


def _across(pair: Pair) -> bool:
    """Whether two recipes are compared."""
    recipes = {variant.recipe for variant in pair} - {SELF_TRAINED}
    return len(recipes) > 1


INFINITE = "an infinite value is compared with nothing"

FAMILY = ["family", "split", "metric", "score"]
"""The columns whose values a family of tests has in common."""


class Estimates(NamedTuple):
    """The intervals of some measures, the differences between methods, and their worth."""

    intervals: dict[Key, Interval]
    comparisons: list[Comparison]
    worths: list[WorthRow]

    @classmethod
    def joined(cls, several: Iterable[Estimates]) -> Estimates:
        """All of several; none of none."""
        every = cls({}, [], [])
        for estimates in several:
            every.intervals.update(estimates.intervals)
            every.comparisons.extend(estimates.comparisons)
            every.worths.extend(estimates.worths)
        return every


Sides = dict[Scored, Side]


def compare(
    evidence: Evidence,
    units: Collection[RunUnit],
    relations: Relations | None = None,
    *,
    by_score: Collection[RunUnit] = (),
    severities: Collection[str] = METRICS.keys(),
) -> Estimates:
    """The interval of each measure on some images, and the differences between these units.

    Args:
        by_score: the units of which further scores are compared with the primary ones.
        severities: the metrics by which methods are compared under single conditions of a group.
    """
    relations = relations or Relations()
    estimates = Estimates.joined(())
    shift = evidence.shift
    alone = shift is not None and shift.is_one_of_many and not shift.subset
    variants = {evidence.entrant(unit) for unit in units}
    for metric, sums in evidence.metrics.items():
        every = [scored for scored in sums.values if scored.variant in variants]
        for score in dict.fromkeys(scored.score for scored in every):
            methods = [scored for scored in every if scored.score == score]
            others = _standing_in(score, every, relations)
            measured = MetricValues.of(evidence, metric, score, [*methods, *others])
            sides = sides_of(measured, methods, relations.ensemble_methods)
            for variant, side in sides.items():
                key = (*variant, evidence.condition, score, metric)
                estimates.intervals[key] = interval_of(measured, side)
            if (not alone or metric in severities) and _is_compared(measured):
                with_others = sides_of(measured, others, relations.ensemble_methods) | sides
                estimates.comparisons.extend(_compared(measured, sides, relations))
                by_primary = {
                    Scored(variant, score): side
                    for variant, side in sides.items()
                    if not score or relations.primary_scores.get(variant.method, score) == score
                }
                estimates.worths.extend(_worths(measured, by_primary, with_others, relations))
    if by_score and shift is not None and not (shift.labelled or shift.subset):
        for measured in _measures_by_score(evidence, by_score, relations):
            further, primary = _sides_by_score(measured, relations)
            estimates.comparisons.extend(_scores_compared(measured, further, primary, relations))
            standing = {scored.variant: side for scored, side in primary.items()}
            estimates.worths.extend(_worths(measured, further, standing, relations))
    return estimates


def _standing_in(score: str, every: Iterable[Scored], relations: Relations) -> list[Scored]:
    """Ensembles by their primary scores, where the score is another method's own."""
    if score == "" or score in SCORES:
        return []
    return [
        scored
        for scored in every
        if scored.variant.method in relations.ensemble_methods
        and scored.score != score
        and scored.score == relations.primary_scores.get(scored.variant.method, score)
    ]


def holm(p_values: Float64[np.ndarray, " tests"]) -> Float64[np.ndarray, " tests"]:
    """p-values corrected for their number (Holm 1979), in the same order; NaN are no tests.

    max_{j ≤ i} min(1, (m − j + 1) p_(j)) for the i-th smallest of m. Whatever the dependence of the
    tests, the probability of any false rejection is at most the level that corrected values are
    compared with.

    >>> holm(np.array([0.03, 0.01, 0.5])).tolist()
    [0.06, 0.03, 0.5]
    """
    corrected = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(~np.isnan(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return corrected


def comparisons_table(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with p-values corrected for their number: ``comparisons.csv``.

    Those of a family are corrected together, by Holm, and by one score unless the family compares
    scores; equivalence is tested at each one's own level. Sorted, so that equal runs write equal
    bytes.
    """
    sides = ["recipe", "method", "size", "members"]
    by = [*FAMILY, "condition", *sides, *(f"other_{name}" for name in sides), "other_score"]
    # Methods that train themselves are compared with each other beside the recipes of each split.
    table = table.drop_duplicates([name for name in by if name in table], ignore_index=True)
    sizes = [table[name].map(members_rank) for name in ("members", "other_members")]
    table = table.assign(size=sizes[0], other_size=sizes[1]).sort_values(by)
    together = table["score"].mask(table["family"].isin(OF_SCORES), "")
    p_values = table.groupby([*(table[name] for name in FAMILY[:-1]), together])["p_value"]
    table["p_holm"] = p_values.transform(lambda p: holm(p.to_numpy(float)))
    rounded = [name for name in table if str(name).startswith("p_")]
    for name in (*rounded, "margin", "effect_size"):
        table[name] = table[name].map(_three_digits)
    return table.drop(columns=["size", "other_size"]).reset_index(drop=True)


def worths_table(table: pd.DataFrame) -> pd.DataFrame:
    """The worth of each method in networks: ``worth.csv``. Sorted."""
    by = ["ensemble_recipe", "ensemble", "recipe", "metric", "score", "condition", "method"]
    table = table.assign(size=table["members"].map(members_rank)).sort_values([*by, "size"])
    return table.drop(columns="size").reset_index(drop=True)


def _is_compared(measured: MetricValues) -> bool:
    """Not by labels that are ill-defined, and detection only beyond single ones of a group."""
    metric, shift = measured.metric, measured.evidence.shift
    if shift is None:
        return True
    if "labels" in metric.needs and shift.labels == "ill-defined":
        return False
    return "reference" not in metric.needs or not shift.is_one_of_many or shift.subset


def _compared(
    measured: MetricValues,
    sides: Mapping[Entrant, Side],
    relations: Relations,
) -> Iterator[Comparison]:
    """The comparisons of one measure on some images."""
    among, largest = list(sides), largest_of(sides)
    within = margins(measured, sides, relations.ensemble_methods)
    methods = {variant.method for variant in among}
    sharing = {name for name, other in relations.probabilities_of.items() if other in methods}
    # Of a group, smaller sizes are compared by its mean.
    smaller = not measured.evidence.with_mean
    for pair in pairs_compared(among, relations.usual_sizes, smaller=smaller):
        inherited = not measured.score and sharing & {variant.method for variant in pair}
        if relations.split_of(pair) is not None and not inherited:
            both = sides[pair[0]], sides[pair[1]]
            primary = relations.primary_scores
            name = family(pair, largest, measured, primary, relations.basic)
            if is_of_interest(pair, name, measured, primary):
                yield comparison(measured, pair, both, relations, within, family=name)


def _worths(
    measured: MetricValues,
    sides: Mapping[Scored, Side],
    every: Mapping[Entrant, Side],
    relations: Relations,
) -> Iterator[WorthRow]:
    """The worth of each method in ensembles of each recipe, by one measure on some images.

    An ensemble's is in those of other recipes alone: of its own it is its size. By a score that
    ensembles have not, these stand in by another; ``every`` has them.
    """
    if not measured.is_tested:
        return
    curves = ensembles_of(every, relations.ensemble_methods)
    for (variant, score), side in sides.items():
        for ensemble, sizes in curves.items():
            alike = relations.split_of((variant, Entrant(*ensemble, ""))) is not None
            if ensemble != variant[:2] and alike:
                yield worth_row(measured, variant, side, ensemble, sizes, score)


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


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
    score, other_score = scores or (measured.score, measured.score)
    scored = Scored(pair[0], score), Scored(pair[1], other_score)
    row = partial(
        Comparison,
        family=family,
        split=relations.split_of(pair) or "",
        condition=measured.evidence.condition,
        metric=measured.metric.name,
        score=score,
        other_score=other_score if other_score != score else "",
        images=measured.evidence.images,
        **_named(pair),
    )
    if not all(np.isfinite(side.values).all() for side in both):
        return row(status="undefined", reason=INFINITE)
    common = in_common(measured, scored, relations.ensemble_methods)
    apart = difference(measured, both, common)
    interval = reliable(apart, measured, both)
    value, lower, upper = interval.around(apart.value)
    return row(
        difference=value,
        lower=lower,
        upper=upper,
        effect_size=effect_size(apart, measured.evidence.images) if measured.by_image else None,
        # Pairs vary as they are seen to: nothing is borrowed.
        reason=interval.reason or ("" if common else interval.note),
        **_tests(measured, apart, interval, _margin(pair, within)),
    )


def worth_row(
    measured: MetricValues,
    variant: Entrant,
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
    networks = (
        Worth.undefined(reason)
        if (reason := unreliable(measured, (side, *sizes.values())))
        else worth(side, sizes, covariance, measured.images, higher_is_better=higher)
    )
    return WorthRow(
        *variant,
        measured.evidence.condition,
        score,
        measured.metric.name,
        *ensemble,
        *networks.texts(list(sizes)),
        measured.evidence.images,
        "undefined" if math.isnan(networks.networks) else "ok",
        networks.reason,
    )


def _named(pair: Pair) -> dict[str, Any]:
    """The names of both sides, as the fields of a comparison."""
    names, other_names = (variant._asdict() for variant in pair)
    return names | {f"other_{name}": value for name, value in other_names.items()}


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
    if not measured.is_tested or interval.reason not in ("", ALIKE):
        return {}
    tests = {"p_value": apart.p_value}
    if margin is None:
        return tests
    better = apart if measured.metric.better == "higher" else apart._replace(value=-apart.value)
    not_worse, not_better = better.p_within(margin)
    return tests | {
        "margin": margin,
        "p_equivalent": max(not_worse, not_better),
        "p_not_worse": not_worse,
        "p_not_better": not_better,
    }


def _measures_by_score(
    evidence: Evidence, units: Collection[RunUnit], relations: Relations
) -> Iterator[MetricValues]:
    """Each metric of detection: of all units by their primary scores, of one network by others."""
    variants = {evidence.entrant(unit) for unit in units}
    for name, sums in evidence.metrics.items():
        if not {"score", "reference"} <= METRICS[name].needs:
            continue
        own = [scored for scored in sums.values if scored.variant in variants]
        further = [
            scored
            for scored in own
            if scored.score in relations.further_scores
            and scored.variant.method in relations.single_network_methods
        ]
        primary = [
            scored
            for scored in own
            if scored.score == relations.primary_scores[scored.variant.method]
        ]
        if further:
            yield MetricValues.of(evidence, name, "", [*primary, *further])


def _sides_by_score(measured: MetricValues, relations: Relations) -> tuple[Sides, Sides]:
    """The replicates by the further scores, and those of every method by its primary score."""
    further: Sides = {}
    primary: Sides = {}
    for score in sorted({scored.score for scored in measured.columns}):
        methods = [scored for scored in measured.columns if scored.score == score]
        is_further = score in relations.further_scores
        for variant, side in sides_of(measured, methods, relations.ensemble_methods).items():
            (further if is_further else primary)[Scored(variant, score)] = side
    return further, primary


def _scores_compared(
    measured: MetricValues, further: Sides, primary: Sides, relations: Relations
) -> Iterator[Comparison]:
    largest = largest_of(scored.variant for scored in primary)
    within = margins(
        measured,
        {scored.variant: side for scored, side in primary.items()},
        relations.ensemble_methods,
    )
    sides = further | {scored: primary[scored] for scored in primary if scored.variant in largest}
    for scored, other in combinations(sides, 2):
        pair = scored.variant, other.variant
        own = scored.variant == other.variant
        is_shown = scored in further and (other in primary or own)
        if is_shown and relations.split_of(pair) is not None:
            yield comparison(
                measured,
                pair,
                (sides[scored], sides[other]),
                relations,
                within,
                family=FURTHER_SCORES if own and other in primary else BETWEEN_SCORES,
                scores=(scored.score, other.score),
            )
