"""How tables are compared with golden ones: row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.golden.runs import COLUMNS

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far a number may be from the golden one."""


def differences(table: str, golden: pd.DataFrame, rows: pd.DataFrame, *, every: bool = True) -> str:
    """What differs from the golden rows, in one line; empty where nothing does.

    Metrics and scores that came after the golden ones may be added.

    Args:
        every: whether no golden row may be missing.
    """
    keys, numbers = COLUMNS[table]
    for column in ("metric", "score"):
        rows = rows[rows[column].isin(golden[column])]
    if table == "measurements":  # the summary has the means over conditions
        rows = rows[~rows["condition"].str.endswith("-mean")]
    both = golden.merge(rows, on=keys, how="outer", suffixes=("", "_now"), indicator=True)
    if not every:
        both = both[both["_merge"] != "left_only"]
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
