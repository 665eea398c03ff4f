"""From resamples to the interval of every measure, and paired differences between methods.

Methods are compared on the same images. Nothing is tested between conditions, nor where labels are
not well defined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from benchmarks.inference.comparison.between_scores import compared_by_score
from benchmarks.inference.comparison.differences import holm
from benchmarks.inference.comparison.equivalence import margins
from benchmarks.inference.comparison.intervals import Interval, Key, interval_of
from benchmarks.inference.comparison.paired import comparison, worth_row
from benchmarks.inference.comparison.pairs import family, is_of_interest, pairs_compared
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
from benchmarks.schema import Comparison, WorthRow, members_rank, table_of

FAMILY = ["family", "split", "metric", "score"]
"""The columns whose values a family of tests has in common."""


class Estimates(NamedTuple):
    """The intervals of some measures, the differences between methods, and their worth.

    The last two are those of further scores.
    """

    intervals: dict[Key, Interval]
    comparisons: list[Comparison]
    worths: list[WorthRow]
    score_comparisons: list[Comparison]
    score_worths: list[WorthRow]

    @classmethod
    def joined(cls, several: Iterable[Estimates]) -> Estimates:
        """All of several; none of none."""
        one = cls({}, [], [], [], [])
        for estimates in several:
            one.intervals.update(estimates.intervals)
            one.comparisons.extend(estimates.comparisons)
            one.worths.extend(estimates.worths)
            one.score_comparisons.extend(estimates.score_comparisons)
            one.score_worths.extend(estimates.score_worths)
        return one


def compare(
    task: ResamplingTask, resampled: Resampled, relations: Relations | None = None
) -> Estimates:
    """The interval of each of the task's measures, and the differences between its methods."""
    relations = relations or Relations()
    if task.further_scores:
        return Estimates({}, [], [], *compared_by_score(task, resampled, relations))
    estimates = Estimates.joined(())
    variants = variants_of(resampled, {task.score})
    standing_in = variants_of(resampled, set(resampled.scores) - {task.score})
    for measured in each_measure(task, resampled):
        sides = sides_of(measured, variants, relations.of_networks)
        # Ensembles that have not this score.
        every = sides_of(measured, standing_in, relations.of_networks) | sides
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
    return _corrected(comparisons, FAMILY)


def score_comparisons_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """The same of further scores, which are corrected together: ``score-comparisons.csv``."""
    return _corrected(comparisons, [name for name in FAMILY if name != "score"])


def _corrected(comparisons: Iterable[Comparison], corrected_by: list[str]) -> pd.DataFrame:
    table = table_of(Comparison, comparisons)
    sides = ["recipe", "method", "size", "members"]
    by = [*FAMILY, "condition", *sides, *(f"other_{name}" for name in sides), "other_score"]
    # Methods that train themselves are compared with each other beside the recipes of each split.
    table = table.drop_duplicates([name for name in by if name in table], ignore_index=True)
    sizes = [table[name].map(members_rank) for name in ("members", "other_members")]
    table = table.assign(size=sizes[0], other_size=sizes[1]).sort_values(by)
    p_values = table.groupby(corrected_by)["p_value"]
    table["p_holm"] = p_values.transform(lambda p: holm(p.to_numpy(float)))
    rounded = [name for name in table if str(name).startswith("p_")]
    for name in (*rounded, "margin", "effect_size"):
        table[name] = table[name].map(_three_digits)
    return table.drop(columns=["size", "other_size"]).reset_index(drop=True)


def worths_table(worths: Iterable[WorthRow]) -> pd.DataFrame:
    """The worth of each method in networks: ``worth.csv``. Sorted."""
    table = table_of(WorthRow, worths)
    by = ["ensemble_recipe", "ensemble", "recipe", "metric", "score", "condition", "method"]
    table = table.assign(size=table["members"].map(members_rank)).sort_values([*by, "size"])
    return table.drop(columns="size").reset_index(drop=True)


def _is_compared(measured: MetricValues) -> bool:
    """Not by labels that are ill-defined, and detection only beyond single ones of a group."""
    metric, shift = measured.metric, measured.shift
    if shift is None:
        return True
    if "labels" in metric.needs and shift.labels == "ill-defined":
        return False
    return "reference" not in metric.needs or not shift.is_one_of_many or shift.subset


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
        inherited = not measured.score and sharing & {variant.method for variant in pair}
        if relations.split_of(pair) is not None and not inherited:
            both = sides[pair[0]], sides[pair[1]]
            primary = relations.primary_scores
            of = family(pair, among, measured, primary, relations.basic)
            if is_of_interest(pair, of, measured, primary):
                yield comparison(resampled, measured, pair, both, relations, within, family=of)


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
            alike = relations.split_of((variant, Variant(*ensemble, ""))) is not None
            if ensemble != variant[:2] and alike:
                yield worth_row(measured, variant, side, ensemble, sizes, measured.score)


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
