"""Find rows of a table by condition and metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

import pandas as pd

Record = dict[str, Any]

Key = TypeVar("Key")


class Indexed(Generic[Key]):
    """The rows of a table by a key, those of each condition and metric apart.

    Rows are made into dictionaries when their condition and metric are first asked for: a table of
    many conditions has hundreds of thousands, of which most questions need a few hundred.

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


def variant_and_score(row: Record) -> tuple[str, str, str]:
    """The key of a row of the summary of one recipe."""
    return row["method"], row["members"], row["score"]
