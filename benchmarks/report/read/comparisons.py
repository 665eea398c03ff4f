"""What ``comparisons.csv`` says of two methods of a recipe: tests, and intervals of differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from benchmarks.report.names import Variant
from benchmarks.vocabulary import SIGNIFICANT

Bounds = tuple[float, float]

Key = tuple[str, ...]
"""Of both variants the method and size, then condition, metric and score."""

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

    def p_value(self, one: Variant, other: Variant, quantity: Quantity) -> float | None:
        """The corrected p-value of the difference: NaN if not tested, ``None`` if not compared."""
        there, back = (*one, *other, *quantity), (*other, *one, *quantity)
        return self._p_values.get(there, self._p_values.get(back))

    def are_equivalent(self, one: Variant, other: Variant, quantity: Quantity) -> bool:
        """Whether a test says that their difference is within the margin of equivalence."""
        keys = (*one, *other, *quantity), (*other, *one, *quantity)
        return any(self._p_equivalent.get(key, math.nan) < SIGNIFICANT for key in keys)

    def difference(self, one: Variant, other: Variant, quantity: Quantity) -> Bounds | None:
        """The interval of the first less the other, if they were compared."""
        return self._differences.get((*one, *other, *quantity))

    @cached_property
    def contestants(self) -> frozenset[Variant]:
        """The variants that were compared with another method."""
        return frozenset(
            variant
            for *names, _, _, _ in self._p_values
            if names[0] != names[2]
            for variant in (Variant(*names[:2]), Variant(*names[2:]))
        )

    @cached_property
    def _p_values(self) -> dict[Key, float]:
        return self._column("p_holm")

    @cached_property
    def _p_equivalent(self) -> dict[Key, float]:
        return self._column("p_equivalent")

    def _column(self, name: str) -> dict[Key, float]:
        if self._table.empty:
            return {}
        table = self._table[[*_SIDES, "condition", "metric", "score", name]]
        return {tuple(map(str, key)): float(p) for *key, p in table.itertuples(index=False)}

    @cached_property
    def _differences(self) -> dict[Key, Bounds]:
        bounds: dict[Key, Bounds] = {}
        for row in self._table.to_dict("records"):
            if row["status"] == "ok" and pd.notna(row["lower"]):
                one = (row["method"], row["members"])
                other = (row["other_method"], row["other_members"])
                quantity = (row["condition"], row["metric"], row["score"])
                bounds[(*one, *other, *quantity)] = (row["lower"], row["upper"])
                bounds[(*other, *one, *quantity)] = (-row["upper"], -row["lower"])
        return bounds


def between(comparisons: pd.DataFrame, recipes: Sequence[str]) -> pd.DataFrame:
    """The comparisons whose sides are both of these recipes.

    Those of an earlier version name the one recipe of both.
    """
    if comparisons.empty:
        return comparisons
    own = comparisons["recipe"].isin(recipes)
    return comparisons[own & comparisons["other_recipe"].isin([*recipes, ""])]
