"""What the intervals of a question say: how its candidates may rank, and which of them to use.

The intervals of a question hold all differences of its candidates by a measure at once. So do their
sums: two candidates that are far apart from a third are apart, though their own interval may hold
0. And so do the ranks that follow: with the confidence of the intervals, no candidate's rank is
another one (Mogstad et al. 2024, doi 10.1093/restud/rdad006). Bare means are never compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain, permutations

import numpy as np
import pandas as pd
from jaxtyping import Float64

from benchmarks.nouns import Variant
from benchmarks.questions import QUESTIONS, Question
from benchmarks.report.results import Candidate, Quantity, Results, Tested
from benchmarks.report.timings import in_setup, main_setup, milliseconds, tied
from benchmarks.schema import members_rank, where
from benchmarks.vocabulary import CLEAN


@dataclass(frozen=True)
class Standing:
    """How a candidate stands among all of its question, by a measure.

    Attributes:
        first, last: its possible ranks: behind all that are better, and before all that are worse.
        is_worse_than_guessing: see `MetricRecord.is_worse_than_guessing`.
    """

    first: int
    last: int
    is_worse_than_guessing: bool = False

    @property
    def is_tied(self) -> bool:
        """Whether it is tied with the best: no candidate is better, nor is guessing."""
        return self.first == 1 and not self.is_worse_than_guessing


@dataclass(frozen=True, eq=False)
class Decision:
    """The answer to a question.

    Attributes:
        standings: of each measure, how the candidates stand that have an interval.
        better: of each measure, the pairs of candidates of which the first is better.
    """

    question: Question
    results: Results
    standings: Mapping[Quantity, Mapping[Candidate, Standing]]
    better: Mapping[Quantity, Collection[tuple[Candidate, Candidate]]]

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, the cheapest first."""
        return tuple(by_cost(self.results, {*chain(*self.standings.values())}))

    @property
    def baseline(self) -> Candidate:
        """The network alone; where it is no candidate, the cheapest one."""
        alone = (choice for choice in self.candidates if is_network_alone(self.results, choice))
        return next(alone, self.candidates[0])

    def tied(self, *quantities: Quantity) -> list[Candidate]:
        """Those tied with the best by all of these measures, or of all; the cheapest first."""
        by_measure = [self.standings[quantity] for quantity in quantities or self.standings]
        return [
            candidate
            for candidate in self.candidates
            if all(candidate in known and known[candidate].is_tied for known in by_measure)
        ]

    @cached_property
    def recommended(self) -> dict[Candidate, list[Quantity]]:
        """What to use, and by which measures: by all, or where there is no such, by each.

        Where it is not known what candidates cost, as of others' predictions, all that are tied.
        """
        every = list(self.standings)
        if not self.results.recipe and (tied := self.tied()):
            return dict.fromkeys(tied, every)
        if by_all := self._chosen(every):
            return {by_all: every}
        chosen: dict[Candidate, list[Quantity]] = {}
        for quantity in every:
            if candidate := self._chosen([quantity]):
                chosen.setdefault(candidate, []).append(quantity)
        return chosen

    def _chosen(self, quantities: Sequence[Quantity]) -> Candidate | None:
        """Of those tied by all of the measures the baseline, or the cheapest that is before it.

        A method whose values vary much is easily tied with the best; that is not enough.
        """
        tied = self.tied(*quantities) if quantities else []
        if tied and self.baseline in tied:
            return self.baseline
        before = (
            candidate
            for candidate in tied
            if any((candidate, self.baseline) in self.better[quantity] for quantity in quantities)
        )
        return next(before, None)

    def best(self, quantity: Quantity) -> Candidate | None:
        """The best mean of those tied by a measure; ``None`` if there is no such."""
        sign = 1 if self.results.names.metric(quantity.metric).better == "higher" else -1
        rows = {choice: self.results.value(choice, quantity) for choice in self.tied(quantity)}
        values = {choice: sign * row["value"] for choice, row in rows.items() if row}
        return max(values, key=values.__getitem__, default=None)

    def compared(self, left: Candidate, right: Candidate, quantity: Quantity) -> Tested | None:
        """The left less the right, by the question's interval."""
        return self.results.comparison(left, right, quantity, self.question.name)


@lru_cache(maxsize=1)
def decisions(results: Results) -> Sequence[Decision]:
    """The answers to all questions of a run, in their order."""
    return tuple(decide(results, question) for question in asked(results))


def answered(results: Results) -> list[Decision]:
    """Those to questions of which something is known."""
    return [decision for decision in decisions(results) if decision.standings]


def asked(results: Results) -> Sequence[Question]:
    """The questions of a run: of its budgets, and of any.

    What others' predictions cost is not known, nor for whom they are.
    """
    own = [q for q in QUESTIONS if q.budget is None or q.budget in results.budgets]
    if results.recipe:
        return own
    distinct: dict[object, Question] = {}
    for question in own:
        distinct.setdefault((question.images, question.metrics), replace(question, situation=""))
    return list(distinct.values())


def judged_by(results: Results) -> list[Quantity]:
    """All by which predictions are judged in a run, whatever the question."""
    conditions = {
        "clean": (CLEAN,),
        "shifted": results.headline_shifts,
        "out-of-distribution": results.ood,
    }
    every = (
        Quantity(condition, metric)
        for question in QUESTIONS
        for kind in question.kinds
        for condition in conditions[kind]
        for metric in question.metrics
    )
    return list(dict.fromkeys(every))


def decide(results: Results, question: Question) -> Decision:
    """The answer to a question."""
    compared = _compared(results, question)
    if question.milliseconds is not None:
        largest: dict[object, Candidate] = {}
        for choice in sorted(chain(*compared.values()), key=lambda c: members_rank(c.members)):
            if _milliseconds(single_image(results, choice)) <= question.milliseconds:
                largest[choice.method, results.names.each(choice.variant)] = choice
        compared = {name: known & {*largest.values()} for name, known in compared.items()}

    standings: dict[Quantity, dict[Candidate, Standing]] = {}
    better: dict[Quantity, set[tuple[Candidate, Candidate]]] = {}
    for quantity, known in compared.items():
        if not known:
            continue
        choices = sorted(known)
        is_better = least_gains(results, question, quantity, choices) > 0
        better[quantity] = {(choices[i], choices[j]) for i, j in np.argwhere(is_better)}
        standings[quantity] = {}
        for place, choice in enumerate(choices):
            row, metric = results.row(choice, quantity), results.names.metric(quantity.metric)
            standings[quantity][choice] = Standing(
                1 + int(is_better[:, place].sum()),
                len(choices) - int(is_better[place].sum()),
                bool(
                    row and metric.is_worse_than_guessing(row["value"], row["lower"], row["upper"])
                ),
            )
    return Decision(question, results, standings, better)


def least_gains(
    results: Results, question: Question, quantity: Quantity, choices: Sequence[Candidate]
) -> Float64[np.ndarray, "choices choices"]:
    """By how much each candidate is better than each other at least, by all intervals together.

    The gain of i over j is at least the sum of the least gains on any way from i to j; the largest
    such sum is found as the shortest way is (Floyd 1962). Where intervals contradict each other, as
    some do in at most 5 % of the cases, each counts for its own pair alone.
    """
    is_higher_better = results.names.metric(quantity.metric).better == "higher"
    gains = np.full((len(choices), len(choices)), -np.inf)
    np.fill_diagonal(gains, 0)
    for (i, choice), (j, other) in permutations(enumerate(choices), 2):
        tested = results.comparison(choice, other, quantity, question.name)
        if tested and tested.difference == 0 and math.isnan(tested.lower):
            gains[i, j] = 0  # they are equal
        elif tested and tested.verdict:
            gains[i, j] = tested.lower if is_higher_better else -tested.upper
    together = gains.copy()
    for k in range(len(choices)):
        together = np.maximum(together, together[:, k, None] + together[k])
    return together if np.diag(together).max() <= 0 else gains


def _compared(results: Results, question: Question) -> dict[Quantity, set[Candidate]]:
    """By each measure of the question the candidates that have an interval with another one."""
    table, compared = results.comparisons, dict[Quantity, set[Candidate]]()
    if table.empty:
        return {}
    rows = where(table, question=question.name)
    rows = rows[~rows["method"].isin(results.on_other_images)]
    for prefix in ("", "other_"):
        side = ["condition", "metric", *(f"{prefix}{name}" for name in Candidate._fields)]
        for condition, metric, *names in rows.loc[rows["verdict"] != "", side].to_numpy():
            candidate = results.by_own_score(Candidate(*names))
            compared.setdefault(Quantity(condition, metric), set()).add(candidate)

    def shown(quantity: Quantity) -> tuple[object, ...]:
        rank = results.names.condition_rank(quantity.condition)
        return rank, question.metrics.index(quantity.metric)

    return {quantity: compared[quantity] for quantity in sorted(compared, key=shown)}


# What candidates cost, and what they are called.


def by_cost(results: Results, candidates: Collection[Candidate]) -> list[Candidate]:
    """The cheapest first: by their budget, then by milliseconds; equal ones as registered."""

    def shown(choice: Candidate) -> tuple[object, ...]:
        score = results.names.score_rank(choice.score) if choice.score else (-1, "")
        return results.names.rank(choice.variant), score

    left = sorted(candidates, key=shown)
    timings = {choice: single_image(results, choice) for choice in left}
    ordered: list[Candidate] = []
    while left:
        least = min(choice.budget for choice in left)
        cheap = [choice for choice in left if choice.budget == least]
        fastest = timings[min(cheap, key=lambda choice: _milliseconds(timings[choice]))]
        ordered.append(next(choice for choice in cheap if _tie(timings[choice], fastest)))
        left.remove(ordered[-1])
    return ordered


def _tie(timing: pd.Series | None, fastest: pd.Series | None) -> bool:
    """Whether it is as fast as the fastest; what was not timed is the slowest."""
    return tied(timing, fastest) if timing is not None and fastest is not None else fastest is None


def is_network_alone(results: Results, choice: Candidate) -> bool:
    """Whether it is the prediction of a network of the recipe, and nothing else."""
    is_one = choice.members == "1" and not choice.score
    return is_one and results.names.method(choice.method).is_network


def network_alone(results: Results, among: Iterable[Variant] = ()) -> Candidate | None:
    """That of these, by default of a budget of 1; ``None`` if there is none."""
    candidates = map(results.candidate, among or results.largest)
    return next((choice for choice in candidates if is_network_alone(results, choice)), None)


def single_image(results: Results, choice: Candidate) -> pd.Series | None:
    """The timing of a single image in the setup that methods are compared in.

    That of a further score has the time of its network in it.
    """
    setup = main_setup(results.latency)
    if setup is None or not choice.score:
        return setup and milliseconds(results.latency, setup, choice.variant, 1)
    if results.score_latency.empty:
        return None
    timings = in_setup(results.score_latency, setup)
    rows = where(timings, score=choice.score, batch_size=1, status="ok")
    return None if rows.empty else rows.iloc[0]


def _milliseconds(timing: pd.Series | None) -> float:
    return math.inf if timing is None else float(timing["p50_ms"])


def label(results: Results, choice: Candidate) -> str:
    """For example ``Mahalanobis distance (with softmax)``; a user's own is called as it is."""
    names = results.names
    record = names.method(choice.method)
    method, scored = record.label, ""
    own = names.label(choice.variant).removeprefix(method).removeprefix(", ")
    if choice.score:
        method, scored = names.score(choice.score).label, f"with {method}"
    details = ", ".join(filter(None, (scored, own)))
    is_users_own = record.is_users_own and not choice.score
    name = method if is_users_own else f"{method[:1].upper()}{method[1:]}"
    return f"{name}{f' ({details})' if details else ''}"
