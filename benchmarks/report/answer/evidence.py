"""What tests say of two choices by one measure; bare numbers are never compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property

from benchmarks.report.read.comparisons import Choice, Quantity, Record, Tested
from benchmarks.report.results import Results
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

    def value(self, candidate: Choice, quantity: Quantity) -> Record | None:
        """The row of the summary; ``None`` where there is no finite value."""
        if candidate.recipe not in self._recipes:
            return None
        of_recipe = self.results.of_recipe(candidate.recipe)
        row = of_recipe.find(candidate.variant, self._ranked(candidate, quantity))
        return row if row and row["status"] == "ok" and math.isfinite(row["value"]) else None

    def relation(self, one: Choice, other: Choice, quantity: Quantity) -> Relation:
        """What tests say of one against the other.

        By the paired comparison of the two, if there is one. Else, of an ensemble of networks, by
        the worth of the other: the interval of that holds the sizes of ensembles which the other is
        not distinguished from.
        """
        sides = self._side(one, quantity), self._side(other, quantity)
        if tested := self.results.tests.comparison(*sides, quantity):
            return _relation(tested, self.results.names.metric(quantity.metric).better)
        if sides[0].score != sides[1].score and not (one.score or other.score):
            return Relation.UNTESTED  # methods' own scores are compared with nothing
        return (
            self._by_worth(one, other, quantity)
            or (self._by_worth(other, one, quantity) or Relation.UNTESTED).flipped
        )

    def worth(
        self, one: Choice, ensemble: Choice, quantity: Quantity
    ) -> tuple[str, str, str] | None:
        """How many of the ensemble's networks one is worth, with bounds; ``None``: not known."""
        named = ensemble.recipe, ensemble.method
        row = self.results.tests.worth(self._side(one, quantity), named, quantity)
        # A reason says what an interval leaves out: then it is no test.
        if row is None or row["status"] != "ok" or row["reason"]:
            return None
        return row["worth"], row["worth_lower"], row["worth_upper"]

    def _side(self, candidate: Choice, quantity: Quantity) -> Choice:
        return candidate._replace(score=self._ranked(candidate, quantity).score)

    def _ranked(self, candidate: Choice, quantity: Quantity) -> Quantity:
        """The quantity with the score by which the candidate ranks images, where one is needed."""
        if candidate.score and "score" in self.results.names.metric(quantity.metric).needs:
            return quantity._replace(score=candidate.score)
        return self.results.resolved(candidate.variant, quantity)

    def relations(
        self, one: Choice, other: Choice, quantities: Iterable[Quantity]
    ) -> dict[Quantity, Relation]:
        """By each quantity."""
        return {quantity: self.relation(one, other, quantity) for quantity in quantities}

    def is_tested(self, one: Choice, other: Choice, quantities: Iterable[Quantity]) -> bool:
        """Whether they are compared by any of the quantities."""
        return set(self.relations(one, other, quantities).values()) != {Relation.UNTESTED}

    def beats(self, one: Choice, other: Choice, quantities: Iterable[Quantity]) -> bool:
        """Whether one is better by at least one quantity, and worse by none; all are tested."""
        relations = set(self.relations(one, other, quantities).values())
        return Relation.BETTER in relations and relations.isdisjoint(
            (Relation.WORSE, Relation.UNTESTED)
        )

    def is_as_good(self, one: Choice, other: Choice, quantities: Iterable[Quantity]) -> bool:
        """Whether one is as good or better by each quantity."""
        relations = set(self.relations(one, other, quantities).values())
        return bool(relations) and relations <= {Relation.AS_GOOD, Relation.BETTER}

    def _by_worth(self, ensemble: Choice, other: Choice, quantity: Quantity) -> Relation | None:
        """Of an ensemble against another, by how many of its networks the other is worth."""
        worth = self.worth(other, ensemble, quantity)
        if worth is None or ensemble.score or not ensemble.members.isdigit():
            return None
        size = int(ensemble.members)
        if size > networks(worth[2]):
            return Relation.BETTER
        return Relation.WORSE if size < networks(worth[1]) else Relation.OPEN

    @cached_property
    def _recipes(self) -> frozenset[str]:
        return frozenset(self.results.summary["recipe"].unique())


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
