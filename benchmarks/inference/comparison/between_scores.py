"""One score compared with another: is a score of features better than the usual one?

A further score can be had of any trained network. So those of a single network are compared first
with its own primary score; then with each other, and with every method by its primary score: the
methods at their largest size, of all recipes with the same training images. And they have a worth:
how many networks an ensemble takes that does as well by its primary score.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    MetricValues,
    Variant,
    each_measure,
    ensembles_of,
    sides_of,
    variants_of,
)
from benchmarks.inference.estimate import Side
from benchmarks.inference.resampling import Resampled
from benchmarks.inference.resampling_tasks import ResamplingTask
from benchmarks.schema import Comparison, WorthRow


class Scored(NamedTuple):
    """A method by a score."""

    variant: Variant
    score: str


Sides = dict[Scored, Side]


def compared_by_score(
    task: ResamplingTask, resampled: Resampled, relations: Relations
) -> tuple[list[Comparison], list[WorthRow]]:
    """The comparisons between scores, and what the further scores are worth in networks."""
    comparisons: list[Comparison] = []
    worths: list[WorthRow] = []
    for measured in each_measure(task, resampled):
        further, primary = _sides(task, resampled, measured, relations)
        comparisons.extend(_compared(resampled, measured, further, primary, relations))
        worths.extend(_worths(measured, further, primary, relations))
    return comparisons, worths


def _sides(
    task: ResamplingTask, resampled: Resampled, measured: MetricValues, relations: Relations
) -> tuple[Sides, Sides]:
    """The replicates by the further scores, and those of every method by its primary score."""
    further: Sides = {}
    primary: Sides = {}
    for score in dict.fromkeys(resampled.scores):
        variants = variants_of(resampled, {score})
        for variant, side in sides_of(measured, variants, relations.of_networks).items():
            is_further = score in task.further_scores
            (further if is_further else primary)[Scored(variant, score)] = side
    return further, primary


def _compared(
    resampled: Resampled,
    measured: MetricValues,
    further: Sides,
    primary: Sides,
    relations: Relations,
) -> Iterator[Comparison]:
    largest = largest_of(one.variant for one in primary)
    within = margins(
        measured, {one.variant: side for one, side in primary.items()}, relations.of_networks
    )
    sides = further | {one: side for one, side in primary.items() if one.variant in largest}
    for one, other in combinations(sides, 2):
        pair = one.variant, other.variant
        own = one.variant == other.variant
        of_interest = one in further and (other in primary or own)
        if of_interest and relations.split_of(pair) is not None:
            yield comparison(
                resampled,
                measured,
                pair,
                (sides[one], sides[other]),
                relations,
                within,
                family=FURTHER_SCORES if own and other in primary else BETWEEN_SCORES,
                scores=(one.score, other.score),
            )


def _worths(
    measured: MetricValues, further: Sides, primary: Sides, relations: Relations
) -> Iterator[WorthRow]:
    if not measured.metric.better or measured.metric.biased:
        return
    every = {one.variant: side for one, side in primary.items()}
    curves = ensembles_of(every, relations.of_networks)
    for (variant, score), side in further.items():
        for ensemble, sizes in curves.items():
            if relations.split_of((variant, Variant(*ensemble, ""))) is not None:
                yield worth_row(measured, variant, side, ensemble, sizes, score)
