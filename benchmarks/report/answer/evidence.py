"""What tests say of two choices by one measure; bare numbers are never compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from benchmarks.report.results import Candidate, Quantity, Results, Tested
from benchmarks.vocabulary import SIGNIFICANT


class Relation(StrEnum):
    """What tests say of one choice against another."""

    BETTER = "better"
    WORSE = "worse"
    AS_GOOD = "as good"
    """Worse by less than the margin, if at all; a difference that is smaller counts as none."""
    OPEN = "not distinguished"
    UNTESTED = "not tested"

    @property
    def flipped(self) -> Relation:
        """The same, seen from the other one; whether that is as good as well is not known."""
        swapped = {
            Relation.BETTER: Relation.WORSE,
            Relation.WORSE: Relation.BETTER,
            Relation.AS_GOOD: Relation.OPEN,
        }
        return swapped.get(self, self)


class Evidence:
    """The tests of a run, found by what they compare.

    Args:
        results: those of all recipes.
    """

    def __init__(self, results: Results) -> None:
        self.results = results

    def relation(self, one: Candidate, other: Candidate, quantity: Quantity) -> Relation:
        """What tests say of one against the other.

        By the paired comparison of the two, if there is one. Else, of an ensemble of networks, by
        the worth of the other: the interval of that holds the sizes of ensembles which the other is
        not distinguished from.
        """
        if tested := self.results.comparison(one, other, quantity):
            return _relation(tested, self.results.names.metric(quantity.metric).better)
        scores = {self.results.ranked(side, quantity).score for side in (one, other)}
        if len(scores) > 1 and not (one.score or other.score):
            return Relation.UNTESTED  # methods' own scores are compared with nothing
        return (
            self._by_worth(one, other, quantity)
            or (self._by_worth(other, one, quantity) or Relation.UNTESTED).flipped
        )

    def worth(
        self, one: Candidate, ensemble: Candidate, quantity: Quantity
    ) -> tuple[str, str, str] | None:
        """How many of the ensemble's networks one is worth, with bounds; ``None``: not known."""
        named = ensemble.recipe, ensemble.method
        row = self.results.worth_in(one, named, quantity)
        # A reason says what an interval leaves out: then it is no test.
        if row is None or row["status"] != "ok" or row["reason"]:
            return None
        return row["worth"], row["worth_lower"], row["worth_upper"]

    def relations(
        self, one: Candidate, other: Candidate, quantities: Iterable[Quantity]
    ) -> dict[Quantity, Relation]:
        """By each quantity."""
        return {quantity: self.relation(one, other, quantity) for quantity in quantities}

    def is_tested(self, one: Candidate, other: Candidate, quantities: Iterable[Quantity]) -> bool:
        """Whether they are compared by any of the quantities."""
        return set(self.relations(one, other, quantities).values()) != {Relation.UNTESTED}

    def beats(self, one: Candidate, other: Candidate, quantities: Iterable[Quantity]) -> bool:
        """Whether one is better by at least one quantity, and worse by none; all are tested."""
        relations = set(self.relations(one, other, quantities).values())
        return Relation.BETTER in relations and relations.isdisjoint(
            (Relation.WORSE, Relation.UNTESTED)
        )

    def is_as_good(self, one: Candidate, other: Candidate, quantities: Iterable[Quantity]) -> bool:
        """Whether one is as good or better by each quantity."""
        relations = set(self.relations(one, other, quantities).values())
        return bool(relations) and relations <= {Relation.AS_GOOD, Relation.BETTER}

    def _by_worth(
        self, ensemble: Candidate, other: Candidate, quantity: Quantity
    ) -> Relation | None:
        """Of an ensemble against another, by how many of its networks the other is worth."""
        worth = self.worth(other, ensemble, quantity)
        if worth is None or ensemble.score or not ensemble.members.isdigit():
            return None
        size = int(ensemble.members)
        if size > networks(worth[2]):
            return Relation.BETTER
        return Relation.WORSE if size < networks(worth[1]) else Relation.OPEN


def _relation(tested: Tested, better: str) -> Relation:
    """What a test says of the first side, where this value of its metric is better."""
    if math.isnan(tested.p_value) or not better:
        return Relation.UNTESTED
    if max(tested.p_not_worse, tested.p_not_better) < SIGNIFICANT:
        return Relation.AS_GOOD
    if tested.p_value < SIGNIFICANT:
        is_better = (tested.difference > 0) == (better == "higher")
        return Relation.BETTER if is_better else Relation.WORSE
    return Relation.AS_GOOD if tested.p_not_worse < SIGNIFICANT else Relation.OPEN


def networks(worth: str) -> float:
    """A worth, or a bound of it, as ``worth.csv`` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if worth.startswith("<"):
        return 0.0
    return math.inf if worth.startswith(">") else float(worth)
