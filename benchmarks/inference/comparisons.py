"""Differences between methods: which pairs, their intervals, and what these say.

An interval of `Comparison` with no question is of its pair alone: it does not depend on what else
was compared. Beside it, each `benchmarks.questions.Question` has intervals that hold all
differences of its candidates by a measure at once (`benchmarks.inference.simultaneous`): who
chooses the best of many candidates by them is wrong in 5 % of the cases, not for each pair.

One rule gives a verdict from one interval; see `verdict_of`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.inference.differences import Difference
from benchmarks.inference.evidence import Evidence, Scored
from benchmarks.inference.intervals import (
    ALIKE,
    Interval,
    Key,
    MetricValues,
    Relations,
    Side,
    effect_size,
    ensembles_of,
    interval_of,
    reliable,
    sides_of,
)
from benchmarks.inference.simultaneous import simultaneous_level
from benchmarks.inference.worth import worth_of
from benchmarks.metrics import METRICS, Metric
from benchmarks.predictions import RunUnit
from benchmarks.questions import QUESTIONS, ImageKind, Question
from benchmarks.schema import Comparison, WorthRow, members_rank
from benchmarks.vocabulary import CLEAN, CONFIDENCE, Verdict
from methods.scores import SCORES

INFINITE = "an infinite value is compared with nothing"


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


Sides = Mapping[Scored, Side]
Pair = tuple[Scored, Scored]


def compare(
    evidence: Evidence,
    units: Iterable[RunUnit],
    relations: Relations | None = None,
    *,
    severities: Collection[str] = METRICS.keys(),
) -> Estimates:
    """The interval of each measure on some images, and the differences between these units.

    Args:
        severities: the metrics by which methods are compared under single conditions of a group.
    """
    relations, shift = relations or Relations(), evidence.shift
    ensemble_methods = relations.budgets.ensembles
    estimates = Estimates.joined(())
    alone = shift is not None and shift.is_one_of_many and not shift.subset
    variants = {evidence.entrant(unit) for unit in units}
    for metric, sums in evidence.metrics.items():
        methods = [scored for scored in sums.values if scored.variant in variants]
        if not methods:
            continue
        measured = MetricValues.of(evidence, metric, methods)
        sides = sides_of(measured, ensemble_methods)
        for scored, side in sides.items():
            key = (*scored.variant, evidence.condition, scored.score, metric)
            estimates.intervals[key] = interval_of(measured, side)
        if (not alone or metric in severities) and _is_compared(measured):
            estimates.comparisons.extend(_Comparing(measured, sides, relations).rows())
            estimates.worths.extend(_worths(measured, sides, relations))
    return estimates


def _is_compared(measured: MetricValues) -> bool:
    """Not by labels that are ill-defined, and detection only beyond single ones of a group."""
    metric, shift = measured.metric, measured.evidence.shift
    if not metric.better:
        return False
    if shift is None:
        return True
    if "labels" in metric.needs and shift.labels == "ill-defined":
        return False
    return "reference" not in metric.needs or not shift.is_one_of_many or shift.subset


def image_kind(evidence: Evidence) -> ImageKind | None:
    """The kind of images that questions ask about; ``None``: they do not ask about these."""
    shift = evidence.shift
    if shift is None:
        return "shifted" if evidence.headline else None
    if shift.subset:
        return None
    if shift.labels == "none":
        return "out-of-distribution"
    return "clean" if shift.name == CLEAN else None


def verdict_of(metric: Metric, lower: float, upper: float, margin: float) -> Verdict:
    """What the interval of a difference says of the first of two methods.

    >>> verdict_of(METRICS["accuracy"], 0.001, 0.003, margin=0.002)
    <Verdict.BETTER: 'better'>
    >>> verdict_of(METRICS["nll"], 0.001, 0.003, margin=0.004)
    <Verdict.WORSE_WITHIN: 'worse, within the margin'>
    >>> verdict_of(METRICS["nll"], -0.001, 0.003, margin=0.002)
    <Verdict.OPEN: 'open'>
    """
    within = -margin <= lower and upper <= margin
    if lower <= 0 <= upper:
        return Verdict.AS_GOOD if within else Verdict.OPEN
    if (lower > 0) == (metric.better == "higher"):
        return Verdict.BETTER_WITHIN if within else Verdict.BETTER
    return Verdict.WORSE_WITHIN if within else Verdict.WORSE


class _Comparing:
    """The comparisons by one metric on some images."""

    def __init__(self, measured: MetricValues, sides: Sides, relations: Relations) -> None:
        self._measured, self._relations = measured, relations
        self._ensembles = relations.budgets.ensembles
        self._sides = sides
        self._differences: dict[Pair, Difference] = {}
        self._primary = [
            s for s in sides if s.score in ("", relations.primary_score(s.variant.method))
        ]

    def rows(self) -> Iterator[Comparison]:
        """A row a pair, and a row for each question to which it belongs."""
        asked = list(self._asked())
        pairs = dict.fromkeys([*self._pairs(), *(pair for _, own in asked for pair in own)])
        for pair in pairs:
            yield self._row(pair)
        for question, own in asked:
            finite = [pair for pair in own if self._is_finite(pair)]
            sides = {s: self._sides[s] for s in dict.fromkeys(s for pair in finite for s in pair)}
            differences = [self._difference(pair) for pair in finite]
            level = simultaneous_level(self._measured, sides, differences, self._ensembles)
            for pair in own:
                yield self._row(pair, question.name, level)

    def _pairs(self) -> Iterator[Pair]:
        """All pairs of usual and compared sizes by the same score, of equal budgets.

        Of others, a method of one network at both, and ensembles of networks of budget 1 beside
        all.
        """
        shown = {*self._relations.budgets.shown(scored.variant for scored in self._sides)}
        for score in dict.fromkeys(scored.score for scored in self._sides):
            own = [s for s in self._sides if s.score == score and s.variant in shown]
            for pair in combinations(own, 2):
                first, second = (scored.variant for scored in pair)
                if (
                    first.budget == second.budget
                    or (first[:2] == second[:2] and first.method not in self._ensembles)
                    or any(variant.is_of_scale(self._ensembles) for variant in (first, second))
                ) and self._are_alike(pair):
                    yield pair

    def _asked(self) -> Iterator[tuple[Question, list[Pair]]]:
        """The questions that this measure decides, with the pairs of their candidates."""
        kind, measured = image_kind(self._measured.evidence), self._measured
        if kind is None or not measured.is_tested:
            return
        for question in QUESTIONS:
            if kind in question.kinds and measured.metric.name in question.metrics:
                own = self._candidates(question)
                pairs = [pair for pair in combinations(own, 2) if self._are_alike(pair)]
                if pairs:
                    yield question, pairs

    def _candidates(self, question: Question) -> list[Scored]:
        """By primary scores, and by further ones of single networks where these may be chosen."""
        relations = self._relations
        primary = {scored.variant: scored for scored in self._primary}
        chosen = question.candidates(primary, relations.budgets)
        further = (
            scored
            for scored in self._sides
            if question.by_any_score
            and scored.variant in chosen
            and scored.score in relations.further_scores
            and scored.variant.method in relations.single_network_methods
        )
        return [*(primary[variant] for variant in chosen), *further]

    def _are_alike(self, pair: Pair) -> bool:
        """Whether both are fitted on the same images."""
        return self._relations.are_alike(*(scored.variant.method for scored in pair))

    def _is_finite(self, pair: Pair) -> bool:
        return all(np.isfinite(self._sides[scored].values).all() for scored in pair)

    def _difference(self, pair: Pair) -> Difference:
        if pair not in self._differences:
            self._differences[pair] = Difference.of(
                self._measured, pair, self._sides, self._ensembles
            )
        return self._differences[pair]

    def _row(self, pair: Pair, question: str = "", level: float = 1 - CONFIDENCE) -> Comparison:
        """The paired difference of two methods.

        Args:
            level: that of the interval.
        """
        measured, (first, second) = self._measured, pair
        evidence, metric = measured.evidence, measured.metric
        row = partial(
            Comparison,
            **first.variant._asdict(),
            **{f"other_{name}": value for name, value in second.variant._asdict().items()},
            condition=evidence.condition,
            metric=metric.name,
            score=first.score,
            other_score=second.score,
            question=question,
            images=evidence.images,
        )
        if not self._is_finite(pair):
            return row(status="undefined", reason=INFINITE)
        apart = self._difference(pair)
        both = self._sides[first], self._sides[second]
        interval = reliable(apart.estimate, measured, both, level)
        value, lower, upper = interval.around(apart.estimate.value)
        margin, verdict = metric.margin(evidence.group), ""
        if measured.is_tested and interval.half_width > 0:
            verdict = verdict_of(metric, lower, upper, margin)
        elif measured.is_tested and interval.reason == ALIKE and value == 0:
            verdict = Verdict.AS_GOOD
        effect = effect_size(apart.estimate, evidence.images) if measured.by_image else None
        return row(
            difference=value,
            lower=lower,
            upper=upper,
            margin=margin or None,
            verdict=verdict,
            effect_size=None if effect is None else float(f"{effect:.3g}"),
            reason=interval.reason or apart.note,
        )


def comparisons_table(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons, sorted, so that equal runs write equal bytes: ``comparisons.csv``."""
    sides = ["method", "size", "members", "budget"]
    by = ["question", "metric", "score", "condition", *sides]
    by += [*(f"other_{name}" for name in sides), "other_score"]
    sizes = [table[name].map(members_rank) for name in ("members", "other_members")]
    table = table.assign(size=sizes[0], other_size=sizes[1]).sort_values(by)
    return table.drop(columns=["size", "other_size"]).reset_index(drop=True)


def worths_table(table: pd.DataFrame) -> pd.DataFrame:
    """The worth of each method in networks: ``worth.csv``. Sorted."""
    by = ["ensemble", "metric", "score", "condition", "method", "size", "budget"]
    table = table.assign(size=table["members"].map(members_rank)).sort_values(by)
    return table.drop(columns="size").reset_index(drop=True)


def _worths(measured: MetricValues, sides: Sides, relations: Relations) -> Iterator[WorthRow]:
    """The worth of each method in ensembles, by one metric on some images.

    That of these ensembles is their size, and is left out. Methods rank images by their primary
    scores, single networks by further ones too where images belong to no class; ensembles by the
    same, if it is one that all methods have, else by their own primary one.
    """
    if not measured.is_tested:
        return
    ensembles = ensembles_of(sides, relations.budgets.ensembles)
    unknown = image_kind(measured.evidence) == "out-of-distribution"
    primary, further = relations.primary_score, relations.further_scores if unknown else ()
    for scored in sides:
        method, score = scored.variant.method, scored.score
        by_primary = score in ("", primary(method))
        if not by_primary and not (score in further and method in relations.single_network_methods):
            continue
        for (ensemble, by), sizes in ensembles.items():
            same = score if by_primary and (score == "" or score in SCORES) else primary(ensemble)
            is_one = scored in sizes.values()
            if by == same and not is_one and relations.are_alike(method, ensemble):
                networks = worth_of(measured, scored, sizes, sides, relations.budgets.ensembles)
                yield WorthRow(
                    *scored.variant,
                    *(measured.evidence.condition, score, measured.metric.name, ensemble),
                    *networks.texts(list(sizes)),
                    measured.evidence.images,
                    "undefined" if math.isnan(networks.networks) else "ok",
                    networks.reason,
                )
