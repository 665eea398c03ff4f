"""Which methods are compared, and in which family of tests, all written down in advance.

A family's p-values are corrected together (Holm), of one metric, one score and one set of training
images. The family `MAIN` answers which method to use: the methods at their largest size, of all
recipes, under the conditions of the headline table, by their primary scores; each against those
that every preset has. What is of interest beside it has families of its own, so that it makes the
main tests no stricter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

from benchmarks.compared_sizes import NONE, Usual, compared_variants, usual_variants
from benchmarks.inference.sides import MetricValues, Variant, order
from benchmarks.vocabulary import SELF_TRAINED

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

SCORES = "scores"
"""Other scores than the primary ones of both methods."""

FURTHER_SCORES = "further scores"
"""Each score of logits or features of a network with the network's own primary score."""

BETWEEN_SCORES = "between scores"
"""Such scores of one network with each other, and with all other methods by their primary score."""

OF_SCORES = (FURTHER_SCORES, BETWEEN_SCORES)
"""The families that compare scores."""

Pair = tuple[Variant, Variant]


def pairs_compared(
    variants: Sequence[Variant], usual: Usual = NONE, *, smaller: bool = True
) -> list[Pair]:
    """The pairs of methods that are compared, in the order of the variants.

    Of one recipe all pairs of the sizes of `benchmarks.compared_sizes`, every usual size with all
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
        for one, other in (pair, pair[::-1]):
            is_own = smaller and one[:2] == other[:2]
            if other in largest and (is_own or one[1:] in often):
                return True
        return False

    return list(filter(is_compared, combinations(variants, 2)))


def family(
    pair: Pair,
    among: Sequence[Variant],
    measured: MetricValues,
    primary: Mapping[str, str],
    basic: Collection[str] = (),
) -> str:
    """The family of tests of a pair.

    Args:
        among: all variants, of which some are at their method's largest size.
        measured: what is compared.
        primary: of each method its primary score.
        basic: the methods that every preset has; empty: all methods are alike.
    """
    shift = measured.draws.shift
    kinds = {
        SIZES: not set(pair) <= largest_of(among),
        SCORES: _is_secondary(pair, measured, primary),
        SUBSETS: shift is not None and shift.subset,
        SEVERITIES: shift is not None and shift.is_one_of_many and measured.draws.with_mean,
    }
    kinds[ADDED] = bool(basic) and not any(one.method in basic for one in pair)
    return next((kind for kind, is_it in kinds.items() if is_it), MAIN)


def is_of_interest(pair: Pair, of: str, measured: MetricValues, primary: Mapping[str, str]) -> bool:
    """Whether a pair of a family is compared by a measure, so that no file drowns in rows.

    Where no value is better, only the family `MAIN` is. By other scores than the primary ones, only
    methods of one recipe at their largest size or of the same number of members, by metrics that
    judge the score on all images: disagreement ties fewer images the more members there are.
    """
    metric = measured.metric
    if not metric.better:
        return of == MAIN
    if not _is_secondary(pair, measured, primary):
        return True
    alike = pair[0].members == pair[1].members
    return (of != SIZES or alike) and not _across(pair) and metric.coverage == 1


def _is_secondary(pair: Pair, measured: MetricValues, primary: Mapping[str, str]) -> bool:
    """Whether the score is not the primary one of both methods."""
    score = measured.score
    return score != "" and any(primary.get(one.method, score) != score for one in pair)


def largest_of(variants: Iterable[Variant]) -> set[Variant]:
    """Of each recipe and method the largest size."""
    last = {variant[:2]: variant for variant in sorted(variants, key=order)}
    return set(last.values())


def _across(pair: Pair) -> bool:
    """Whether two recipes are compared."""
    recipes = {one.recipe for one in pair} - {SELF_TRAINED}
    return len(recipes) > 1
