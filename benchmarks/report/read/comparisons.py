"""What the tables of a run say, found by what their rows are of: tests of two sides, and worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd

from benchmarks.nouns import Variant

Record = dict[str, Any]

Key = TypeVar("Key")


class Quantity(NamedTuple):
    """What a number is of, beside its method.

    The score is empty where the metric uses none, and where the method's primary score is meant.
    """

    condition: str
    metric: str
    score: str = ""


class Choice(NamedTuple):
    """What is compared and may be chosen: a method of a size, of networks of a recipe.

    Attributes:
        score: by which it ranks images. Tests name it where one is needed; of a choice of a user,
            it is empty where its method's primary score is meant.
    """

    recipe: str
    method: str
    members: str
    score: str = ""

    @property
    def variant(self) -> Variant:
        """The method of its size, whatever the recipe."""
        return Variant(self.method, self.members)


Ensemble = tuple[str, str]
"""Recipe and method of ensembles, whatever their sizes."""


class Tested(NamedTuple):
    """What a row of ``comparisons.csv`` says of one side less the other.

    Attributes:
        p_value: corrected, of no difference; NaN where it was not tested.
        p_not_worse, p_not_better: as in the table.
    """

    difference: float
    lower: float
    upper: float
    p_value: float
    p_equivalent: float
    p_not_worse: float
    p_not_better: float

    @property
    def flipped(self) -> Tested:
        """The other less the first."""
        return Tested(
            *(-self.difference, -self.upper, -self.lower),
            *(self.p_value, self.p_equivalent),
            *(self.p_not_better, self.p_not_worse),
        )


_COLUMNS = ("difference", "lower", "upper", "p_holm", "p_equivalent", "p_not_worse", "p_not_better")


class Indexed(Generic[Key]):
    """The rows of a table by a key, those of each condition and metric apart.

    Rows are made into dictionaries when their condition and metric are first asked for: a table of
    many conditions has tens of thousands, of which most questions need a few hundred.

    Args:
        table: with the columns ``condition`` and ``metric``; or empty, without any.
        key: of a row, among those of its condition and metric.
    """

    def __init__(self, table: pd.DataFrame, key: Callable[[Record], Key]) -> None:
        self._table = table
        self._key = key
        self._made: dict[tuple[str, str], dict[Key, Record]] = {}

    def rows(self, condition: str, metric: str) -> Mapping[Key, Record]:
        """Those of a condition and metric by their keys; of equal keys the last row."""
        place = condition, metric
        if place not in self._made:
            rows = self._table.iloc[self._positions.get(place, [])].to_dict("records")
            records = [{str(name): value for name, value in row.items()} for row in rows]
            self._made[place] = {self._key(record): record for record in records}
        return self._made[place]

    @cached_property
    def _positions(self) -> Mapping[Any, Any]:
        if self._table.empty:
            return {}
        return self._table.groupby(["condition", "metric"], sort=False).indices


class Tests:
    """The tests of a run, of any recipes.

    Args:
        comparisons: ``comparisons.csv``; empty where methods were not compared.
        worth: ``worth.csv``; empty where nothing was compared with ensembles of several sizes.
    """

    def __init__(self, comparisons: pd.DataFrame, worth: pd.DataFrame) -> None:
        self._comparisons = Indexed(comparisons, _sides)
        self._worth = Indexed(worth, _side_and_ensemble)

    def comparison(self, one: Choice, other: Choice, quantity: Quantity) -> Tested | None:
        """One less the other; ``None`` if they were not compared."""
        rows = self._comparisons.rows(quantity.condition, quantity.metric)
        if (row := rows.get((one, other))) and row["status"] == "ok":
            return _tested(row)
        if (row := rows.get((other, one))) and row["status"] == "ok":
            return _tested(row).flipped
        return None

    def worth(self, one: Choice, ensemble: Ensemble, quantity: Quantity) -> Record | None:
        """The row of one's worth in networks of an ensemble, if it was compared with several."""
        return self._worth.rows(quantity.condition, quantity.metric).get((one, ensemble))


def side_of(row: Record) -> Choice:
    """What a row of any table is of."""
    return Choice(*(row[name] for name in Choice._fields))


def variant_and_score(row: Record) -> tuple[str, str, str]:
    """The key of a row of the summary of one recipe."""
    return row["method"], row["members"], row["score"]


def _sides(row: Record) -> tuple[Choice, Choice]:
    """Both sides; their score is the same where the other has none of its own."""
    recipe, method, members = (row[f"other_{name}"] for name in ("recipe", "method", "members"))
    return side_of(row), Choice(recipe, method, members, row["other_score"] or row["score"])


def _side_and_ensemble(row: Record) -> tuple[Choice, Ensemble]:
    return side_of(row), (row["ensemble_recipe"], row["ensemble"])


def _tested(row: Record) -> Tested:
    return Tested(*(float(row[name]) for name in _COLUMNS))
