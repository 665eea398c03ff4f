"""Whether two tables of numbers are the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.files import content_of
from benchmarks.records import read_texts
from benchmarks.stored.listing import path_of

ROUNDING = 1e-6
"""Relative: predictions are stored in single precision, and processors may round differently."""

IDENTICAL, ROUNDED, DIFFERENT = "identical", "equal but for rounding", "different"


class Comparison(NamedTuple):
    """A table of a run beside the same table, computed again.

    Attributes:
        name: its path in the run's folder.
        verdict: `IDENTICAL`, `ROUNDED` or `DIFFERENT`.
        reason: where they first differ, if they do.
    """

    name: str
    verdict: str
    reason: str = ""


def compared_tables(name: str, folder: Path, again: Path) -> Comparison:
    """Compare the table of this name in two folders, where either may be gzipped.

    Numbers are equal but for rounding if they differ by at most `ROUNDING` of the larger one.
    """
    one, other = path_of(folder, name), path_of(again, name)
    if not one.is_file() or not other.is_file():
        missing = "published" if other.is_file() else "computed again"
        return Comparison(name, DIFFERENT, f"it was not {missing}")
    # A checkout may have changed the ends of lines.
    if content_of(one).replace(b"\r\n", b"\n") == content_of(other):
        return Comparison(name, IDENTICAL)
    reason = _first_difference(read_texts(one), read_texts(other))
    return Comparison(name, DIFFERENT if reason else ROUNDED, reason)


def equal_but_for_rounding(one: float, other: float) -> bool:
    """Whether two numbers differ by at most `ROUNDING` of the larger one.

    >>> equal_but_for_rounding(0.25, 0.2500001), equal_but_for_rounding(0.25, 0.26)
    (True, False)
    """
    return one == other or math.isclose(one, other, rel_tol=ROUNDING)


def _first_difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Where two tables of texts first differ by more than rounding; empty if nowhere."""
    if list(one.columns) != list(other.columns):
        return f"its columns are {', '.join(other.columns)}"
    if len(one) != len(other):
        return f"it has {len(other)} rows, not {len(one)}"
    differing = (one != other).to_numpy().nonzero()
    for row, column in zip(*map(list, differing), strict=True):
        before, now = one.iloc[row, column], other.iloc[row, column]
        if not _equal_numbers(before, now):
            return f"row {row + 2}, {one.columns[column]}: {before!r}, and again {now!r}"
    return ""


def _equal_numbers(one: str, other: str) -> bool:
    try:
        return equal_but_for_rounding(float(one), float(other))
    except ValueError:
        return False
