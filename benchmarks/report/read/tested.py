"""Find what tests of a run say of two choices, by methods' own scores and by further ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.read.indexed import Indexed, Key, Record
from benchmarks.schema import where

Side = tuple[tuple[str, ...], str]
"""Recipe, method and size of what is compared, and the score by which it ranks images."""


class Tests:
    """The tests of a run, of any recipes.

    Args:
        comparisons: ``comparisons.csv`` and ``score-comparisons.csv``; either may be empty.
        worths: ``worth.csv`` and ``score-worth.csv``; likewise.
    """

    def __init__(self, comparisons: Iterable[pd.DataFrame], worths: Iterable[pd.DataFrame]) -> None:
        self._comparisons = [Indexed(_ok(table), _sides) for table in comparisons]
        # A reason says what an interval leaves out: then it is no test.
        self._worths = [Indexed(_ok(table, reason=""), _side_and_ensemble) for table in worths]

    def comparison(self, one: Side, other: Side, quantity: Quantity) -> Record | None:
        """The row of one less the other; ``None`` if they were not compared in this order."""
        return _found(self._comparisons, (one, other), quantity)

    def worth(self, one: Side, ensemble: tuple[str, ...], quantity: Quantity) -> Record | None:
        """The row of one's worth in an ensemble's networks, whose recipe and method are given."""
        return _found(self._worths, (one, ensemble), quantity)


def _found(tables: Sequence[Indexed[Key]], key: Key, quantity: Quantity) -> Record | None:
    rows = (table.rows(quantity.condition, quantity.metric).get(key) for table in tables)
    return next((row for row in rows if row is not None), None)


def _ok(table: pd.DataFrame, **names: str) -> pd.DataFrame:
    return table if table.empty else where(table, status="ok", **names)


def _sides(row: Record) -> tuple[Side, Side]:
    """Both sides of a comparison."""
    one = row["recipe"], row["method"], row["members"]
    other = row["other_recipe"], row["other_method"], row["other_members"]
    return (one, row["score"]), (other, row.get("other_score") or row["score"])


def _side_and_ensemble(row: Record) -> tuple[Side, tuple[str, ...]]:
    one = row["recipe"], row["method"], row["members"]
    return (one, row["score"]), (row["ensemble_recipe"], row["ensemble"])
