"""One score compared with another: is a score of features better than the usual one?

A further score can be had of any trained network. So those of a single network are compared first
with its own primary score; then with each other, and with every method by its primary score: the
methods at their largest size, of all recipes with the same training images. And they have a worth:
how many networks an ensemble takes that does as well by its primary score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import NamedTuple

from benchmarks.inference.comparison.equivalence import margins
from benchmarks.inference.comparison.paired import comparison, worth_row
from benchmarks.inference.comparison.pairs import (
    BETWEEN_SCORES,
    FURTHER_SCORES,
    largest_of,
)
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.comparison.sides import (
    Column,
    MetricValues,
    Variant,
    columns_of,
    ensembles_of,
    sides_of,
    variants_of,
)
from benchmarks.inference.estimate import Side
from benchmarks.inference.resampling import Draws, Values
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.schema import Comparison, WorthRow


class Scored(NamedTuple):
    """A method by a score."""

    variant: Variant
    score: str


Sides = dict[Scored, Side]


def compared_by_score(
    draws: Draws, units: Collection[RunUnit], relations: Relations
) -> tuple[list[Comparison], list[WorthRow]]:
    """The comparisons between scores, and what the further scores are worth in networks.

    Args:
        draws: of images that belong to no class.
        units: those that are compared, or form ensembles.
    """
    comparisons: list[Comparison] = []
    worths: list[WorthRow] = []
    for measured in _measures(draws, units, relations):
        further, primary = _sides(measured, relations)
        comparisons.extend(_compared(measured, further, primary, relations))
        worths.extend(_worths(measured, further, primary, relations))
    return comparisons, worths


def _measures(
    draws: Draws, units: Collection[RunUnit], relations: Relations
) -> Iterator[MetricValues]:
    """Each metric of detection: of all units by their primary scores, of one network by others."""
    single = [unit for unit in units if unit.method in relations.of_single]
    primary = {unit: relations.primary_scores[unit.method] for unit in units}
    for name in dict.fromkeys(metric for metric, _ in draws.values):
        if not {"score", "reference"} <= METRICS[name].needs:
            continue
        columns: dict[Column, Values] = {}
        for score in sorted(set(primary.values())):
            ranked = [unit for unit in units if primary[unit] == score]
            columns |= columns_of(draws, name, score, ranked)
        for score in relations.further_scores:
            columns |= columns_of(draws, name, score, single)
        if any(column.score in relations.further_scores for column in columns):
            yield MetricValues.of(draws, name, "", columns)


def _sides(measured: MetricValues, relations: Relations) -> tuple[Sides, Sides]:
    """The replicates by the further scores, and those of every method by its primary score."""
    further: Sides = {}
    primary: Sides = {}
    for score in dict.fromkeys(column.score for column in measured.columns):
        variants = variants_of(measured.columns, {score})
        for variant, side in sides_of(measured, variants, relations.of_networks).items():
            is_further = score in relations.further_scores
            (further if is_further else primary)[Scored(variant, score)] = side
    return further, primary


def _compared(
    measured: MetricValues, further: Sides, primary: Sides, relations: Relations
) -> Iterator[Comparison]:
    largest = largest_of(scored.variant for scored in primary)
    within = margins(
        measured,
        {scored.variant: side for scored, side in primary.items()},
        relations.of_networks,
    )
    sides = further | {scored: primary[scored] for scored in primary if scored.variant in largest}
    for scored, other in combinations(sides, 2):
        pair = scored.variant, other.variant
        own = scored.variant == other.variant
        of_interest = scored in further and (other in primary or own)
        if of_interest and relations.split_of(pair) is not None:
            yield comparison(
                measured,
                pair,
                (sides[scored], sides[other]),
                relations,
                within,
                family=FURTHER_SCORES if own and other in primary else BETWEEN_SCORES,
                scores=(scored.score, other.score),
            )


def _worths(
    measured: MetricValues, further: Sides, primary: Sides, relations: Relations
) -> Iterator[WorthRow]:
    if not measured.metric.better or measured.metric.biased:
        return
    every = {scored.variant: side for scored, side in primary.items()}
    curves = ensembles_of(every, relations.of_networks)
    for (variant, score), side in further.items():
        for ensemble, sizes in curves.items():
            if relations.split_of((variant, Variant(*ensemble, ""))) is not None:
                yield worth_row(measured, variant, side, ensemble, sizes, score)
