"""What tests say of two choices by one measure; bare numbers are never compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from benchmarks.records import where
from benchmarks.report.names import Variant
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.vocabulary import SIGNIFICANT


class Candidate(NamedTuple):
    """What a user may choose: a method of a size, of networks of a recipe."""

    recipe: str
    method: str
    members: str

    @property
    def variant(self) -> Variant:
        """The method of its size, whatever the recipe."""
        return Variant(self.method, self.members)


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


class Tested(NamedTuple):
    """What a row of ``comparisons.csv`` says, if better is a higher value.

    Attributes:
        difference: of the first less the other.
        p_value: corrected, of no difference.
        p_not_worse, p_not_better: as in the table.
    """

    difference: float
    p_value: float
    p_not_worse: float
    p_not_better: float

    @property
    def flipped(self) -> Tested:
        """The other less the first."""
        return Tested(-self.difference, self.p_value, self.p_not_better, self.p_not_worse)

    def relation(self, better: str) -> Relation:
        """In words."""
        if math.isnan(self.p_value) or not better:
            return Relation.UNTESTED
        if max(self.p_not_worse, self.p_not_better) < SIGNIFICANT:
            return Relation.AS_GOOD
        if self.p_value < SIGNIFICANT:
            is_better = (self.difference > 0) == (better == "higher")
            return Relation.BETTER if is_better else Relation.WORSE
        return Relation.AS_GOOD if self.p_not_worse < SIGNIFICANT else Relation.OPEN


_NUMBERS = ["difference", "p_holm", "p_not_worse", "p_not_better"]


class Evidence:
    """The tests of a run, found by what they compare.

    Args:
        results: those of all recipes.
    """

    def __init__(self, results: Results) -> None:
        self.results = results

    def value(self, candidate: Candidate, quantity: Quantity) -> dict[str, Any] | None:
        """The row of the summary; ``None`` where there is no finite value."""
        if candidate.recipe not in self._by_recipe:
            return None
        row = self._by_recipe[candidate.recipe].find(candidate.variant, quantity)
        return row if row and row["status"] == "ok" and math.isfinite(row["value"]) else None

    def relation(self, one: Candidate, other: Candidate, quantity: Quantity) -> Relation:
        """What tests say of one against the other.

        By the paired comparison of the two, if there is one. Else, of an ensemble of networks, by
        the worth of the other: the interval of that holds the sizes of ensembles which the other is
        not distinguished from.
        """
        of_one, of_other = (self.results.resolved(c.variant, quantity) for c in (one, other))
        if of_one != of_other:
            return Relation.UNTESTED  # nothing is compared between two scores
        better = self.results.names.metric(quantity.metric).better
        if (found := self._tested.get((one, other, of_one))) is not None:
            return found.relation(better)
        if (found := self._tested.get((other, one, of_one))) is not None:
            return found.flipped.relation(better)
        return (
            self._by_worth(one, other, of_one)
            or (self._by_worth(other, one, of_one) or Relation.UNTESTED).flipped
        )

    def worth(
        self, one: Candidate, ensemble: Candidate, quantity: Quantity
    ) -> tuple[str, str, str] | None:
        """How many of the ensemble's networks one is worth, with bounds; ``None``: not known."""
        return self._worth.get((one, ensemble[:2], self.results.resolved(one.variant, quantity)))

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
        found = set(self.relations(one, other, quantities).values())
        return Relation.BETTER in found and found.isdisjoint((Relation.WORSE, Relation.UNTESTED))

    def is_as_good(self, one: Candidate, other: Candidate, quantities: Iterable[Quantity]) -> bool:
        """Whether one is as good or better by each quantity."""
        found = set(self.relations(one, other, quantities).values())
        return bool(found) and found <= {Relation.AS_GOOD, Relation.BETTER}

    def _by_worth(
        self, ensemble: Candidate, other: Candidate, quantity: Quantity
    ) -> Relation | None:
        """Of an ensemble against another, by how many of its networks the other is worth."""
        worth = self.worth(other, ensemble, quantity)
        if worth is None or not ensemble.members.isdigit():
            return None
        size = int(ensemble.members)
        if size > networks(worth[2]):
            return Relation.BETTER
        return Relation.WORSE if size < networks(worth[1]) else Relation.OPEN

    @cached_property
    def _by_recipe(self) -> dict[str, Results]:
        recipes = dict.fromkeys(self.results.summary["recipe"])
        return {recipe: self.results.of_recipe(recipe) for recipe in recipes}

    @cached_property
    def _tested(self) -> dict[tuple[Candidate, Candidate, Quantity], Tested]:
        table = self.results.comparisons
        if table.empty:
            return {}
        rows = where(table, status="ok").to_dict("records")
        return {
            (
                Candidate(row["recipe"], row["method"], row["members"]),
                # Comparisons of an earlier version name the one recipe of both.
                Candidate(
                    row["other_recipe"] or row["recipe"], row["other_method"], row["other_members"]
                ),
                Quantity(row["condition"], row["metric"], row["score"]),
            ): Tested(*(float(row[name]) for name in _NUMBERS))
            for row in rows
        }

    @cached_property
    def _worth(self) -> dict[tuple[Candidate, tuple[str, str], Quantity], tuple[str, str, str]]:
        table = self.results.worth
        if table.empty:
            return {}
        return {
            (
                Candidate(row["recipe"], row["method"], row["members"]),
                (row["ensemble_recipe"], row["ensemble"]),
                Quantity(row["condition"], row["metric"], row["score"]),
            ): (row["worth"], row["worth_lower"], row["worth_upper"])
            # A reason says what an interval leaves out: then it is no test.
            for row in where(table, status="ok", reason="").to_dict("records")
        }


def networks(worth: str) -> float:
    """A worth, or a bound of it, as ``worth.csv`` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if worth.startswith("<"):
        return 0.0
    return math.inf if worth.startswith(">") else float(worth)
