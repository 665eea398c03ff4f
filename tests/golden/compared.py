"""How tables are compared with golden ones: row by row, and which rows are gone on purpose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.golden.runs import COLUMNS

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far a number may be from the golden one."""

DROPPED: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series]]] = {}
"""Rows that are no longer computed: by the reason, their table and how they are recognised."""


def kept(table: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The golden rows without those that are dropped on purpose."""
    for dropped_from, is_dropped in DROPPED.values():
        if dropped_from == table:
            rows = rows[~is_dropped(rows)]
    return rows


def differences(table: str, golden: pd.DataFrame, rows: pd.DataFrame) -> str:
    """What differs from the golden rows, in one line; empty where nothing does."""
    keys, numbers = COLUMNS[table]
    both = golden.merge(rows, on=keys, how="outer", suffixes=("", "_now"), indicator=True)
    if both.duplicated(keys).any():
        return f"several rows are of {dict(both[both.duplicated(keys)].iloc[0][keys])}"
    for side, what in (("left_only", "missing"), ("right_only", "new")):
        if (alone := both[both["_merge"] == side]).size:
            return f"{len(alone)} rows are {what}, the first of {dict(alone.iloc[0][keys])}"
    for number in numbers:
        before, now = both[number], both[f"{number}_now"]
        far = (before != now) & ~np.isclose(
            pd.to_numeric(now, errors="coerce"),
            pd.to_numeric(before, errors="coerce"),
            rtol=RELATIVE,
            atol=ABSOLUTE,
        )
        if far.any():
            first = both[far].iloc[0]
            return (
                f"{far.sum()} of {len(both)} values of {number} differ, the first is "
                f"{first[f'{number}_now']}, not {first[number]}: {dict(first[keys])}"
            )
    return ""
