"""From resamples to the interval of every measure, and paired differences between methods.

Methods are compared on the same images. Nothing is tested between conditions, nor where labels are
not well defined.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from benchmarks.inference.comparison.between_scores import compared_by_score
from benchmarks.inference.comparison.differences import holm
from benchmarks.inference.comparison.equivalence import margins
from benchmarks.inference.comparison.intervals import Interval, Key, interval_of
from benchmarks.inference.comparison.paired import comparison, worth_row
from benchmarks.inference.comparison.pairs import (
    OF_SCORES,
    family,
    is_of_interest,
    pairs_compared,
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
from benchmarks.schema import Comparison, WorthRow, members_rank
from methods.scores import SCORES

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


def compare(
    draws: Draws,
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
    shift = draws.shift
    alone = shift is not None and shift.is_one_of_many and not shift.subset
    for metric, score in draws.values:
        columns = columns_of(draws, metric, score, units)
        if not columns:
            continue
        measured = MetricValues.of(
            draws, metric, score, columns | _standing_in(draws, metric, score, units, relations)
        )
        sides = sides_of(measured, variants_of(measured.columns, {score}), relations.of_networks)
        for variant, side in sides.items():
            key = (*variant, measured.condition, score, metric)
            estimates.intervals[key] = interval_of(measured, side)
        if (not alone or metric in severities) and _is_compared(measured):
            others = {column.score for column in measured.columns} - {score}
            standing_in = variants_of(measured.columns, others)
            every = sides_of(measured, standing_in, relations.of_networks) | sides
            estimates.comparisons.extend(_compared(measured, sides, relations))
            estimates.worths.extend(_worths(measured, sides, every, relations))
    if by_score and shift is not None and not (shift.labelled or shift.subset):
        comparisons, worths = compared_by_score(draws, by_score, relations)
        estimates.comparisons.extend(comparisons)
        estimates.worths.extend(worths)
    return estimates


def _standing_in(
    draws: Draws, metric: str, score: str, units: Collection[RunUnit], relations: Relations
) -> dict[Column, Values]:
    """Ensembles by their primary scores, where the score is another method's own."""
    if score == "" or score in SCORES:
        return {}
    found: dict[Column, Values] = {}
    for method in relations.of_networks:
        of_method = [unit for unit in units if unit.method == method]
        own = relations.primary_scores.get(method, score)
        if own != score:
            found |= columns_of(draws, metric, own, of_method)
    return found


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
    metric, shift = measured.metric, measured.shift
    if shift is None:
        return True
    if "labels" in metric.needs and shift.labels == "ill-defined":
        return False
    return "reference" not in metric.needs or not shift.is_one_of_many or shift.subset


def _compared(
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
                yield comparison(measured, pair, both, relations, within, family=of)


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
