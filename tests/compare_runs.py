"""Whether two runs have the same numbers: ``python tests/compare_runs.py BEFORE AFTER``.

Compares `measurements.csv`, `summary.csv`, `comparisons.csv` and `worth.csv` row by row, but for
reasons, which are sentences. Numbers may differ by their last digits. Exits with 1, and names the
first difference, if anything else differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

TOLERANCE = 1e-12
"""How far numbers may differ, relative to the larger one."""

NUMBERS = (
    *("value", "difference", "lower", "upper", "p_value", "p_holm", "effect_size"),
    *("margin", "p_equivalent", "p_not_worse", "p_not_better"),
)

TABLES = ("measurements.csv", "summary.csv", "comparisons.csv", "worth.csv")


def read(path: Path) -> pd.DataFrame:
    """The rows as text, in one order."""
    file = path if path.exists() else path.with_name(f"{path.name}.gz")
    table = pd.read_csv(file, dtype=str, keep_default_na=False).drop(columns="reason")
    key = [name for name in table.columns if name not in NUMBERS]
    return table.sort_values(key).reset_index(drop=True)


def difference(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """The first difference in words; empty where there is none."""
    if list(before.columns) != list(after.columns):
        return f"columns {list(before.columns)} are now {list(after.columns)}"
    if len(before) != len(after):
        return f"{len(before)} rows are now {len(after)}"
    differing = pd.concat([_differing(before[c], after[c]) for c in before], axis=1).any(axis=1)
    if not differing.any():
        return ""
    first = differing.idxmax()
    rows = [dict(table.loc[first]) for table in (before, after)]
    return f"{differing.sum()} rows differ, the first {rows[0]} is now {rows[1]}"


def _differing(before: pd.Series, after: pd.Series) -> pd.Series:
    unequal = before != after
    if before.name not in NUMBERS:
        return unequal
    one, other = (column.replace("", "nan").astype(float) for column in (before, after))
    far = (one - other).abs() > TOLERANCE * np.maximum(one.abs(), other.abs())
    return unequal & (far | (one.isna() != other.isna()) | (np.isinf(one) != np.isinf(other)))


def main(before: Path, after: Path) -> int:
    """Compare the tables of two folders; 0 where they are equal."""
    status = 0
    for name in TABLES:
        one, other = read(before / name), read(after / name)
        differs = difference(one, other)
        print(f"{name}: {differs or f'{len(one)} rows are equal'}")
        status |= bool(differs)
    return status


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
