"""What ``comparisons.csv`` says of two methods of a recipe: tests, and intervals of differences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.read.indexed import Indexed, Record
from benchmarks.vocabulary import SIGNIFICANT

Bounds = tuple[float, float]

_SIDES = ["method", "members", "other_method", "other_members"]


class Quantity(NamedTuple):
    """What a number is of, beside its method.

    The score is empty where the metric uses none, and where the method's primary score is meant.
    """

    condition: str
    metric: str
    score: str = ""


class Comparisons:
    """The comparisons of the methods of one recipe, found by what they are of.

    Args:
        table: rows of ``comparisons.csv``; empty if methods were not compared.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._found = Indexed(table, _sides)

    def p_value(self, one: Variant, other: Variant, quantity: Quantity) -> float | None:
        """The corrected p-value of the difference: NaN if not tested, ``None`` if not compared."""
        row = self._row(one, other, quantity) or self._row(other, one, quantity)
        return float(row["p_holm"]) if row else None

    def are_equivalent(self, one: Variant, other: Variant, quantity: Quantity) -> bool:
        """Whether a test says that their difference is within the margin of equivalence."""
        rows = self._row(one, other, quantity), self._row(other, one, quantity)
        return any(row["p_equivalent"] < SIGNIFICANT for row in rows if row)

    def difference(self, one: Variant, other: Variant, quantity: Quantity) -> Bounds | None:
        """The interval of the first less the other, if they were compared."""
        for first, second, sign in ((one, other, 1), (other, one, -1)):
            row = self._row(first, second, quantity)
            if row and row["status"] == "ok" and pd.notna(row["lower"]):
                lower, upper = sorted((sign * row["lower"], sign * row["upper"]))
                return lower, upper
        return None

    @cached_property
    def contestants(self) -> frozenset[Variant]:
        """The variants that were compared with another method."""
        if self._table.empty:
            return frozenset()
        pairs = self._table[_SIDES].drop_duplicates().itertuples(index=False)
        return frozenset(
            Variant(*side)
            for method, members, other, other_members in pairs
            if method != other
            for side in ((method, members), (other, other_members))
        )

    def _row(self, one: Variant, other: Variant, quantity: Quantity) -> Record | None:
        rows = self._found.rows(quantity.condition, quantity.metric)
        return rows.get((*one, *other, quantity.score))


def _sides(row: Record) -> tuple[str, ...]:
    return (*(str(row[name]) for name in _SIDES), row["score"])


def between(comparisons: pd.DataFrame, recipes: Sequence[str]) -> pd.DataFrame:
    """The comparisons whose sides are both of these recipes."""
    if comparisons.empty:
        return comparisons
    own = comparisons["recipe"].isin(recipes)
    return comparisons[own & comparisons["other_recipe"].isin(recipes)]
