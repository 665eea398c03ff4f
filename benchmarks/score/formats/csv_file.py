"""A file of text, a row an image, as `pandas.DataFrame.to_csv` writes it.

Each column is a class, in the order of the labels. A column ``label`` has the labels. Where a
column ``member`` numbers members, a row is of an image and a member, and each member has the images
in the same order. A first column without a name, which pandas writes for the index, is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchmarks.errors import UserError
from benchmarks.score.arrays import LABELS, PROBABILITIES
from benchmarks.score.formats.reading import read_as
from benchmarks.score.sources import Array

LABEL_COLUMNS = ("label", LABELS)

MEMBER = "member"

INDEX = "Unnamed: 0"
"""What pandas calls the first column if it has no name."""

REMEDY = "write it with pandas.DataFrame(probabilities).to_csv(file)"


def read_csv_file(path: Path) -> dict[str, Array]:
    """The arrays in a table: predictions, labels or both.

    Raises:
        UserError: the file cannot be read, a column is not of numbers or not where it is expected,
            or members have different images.
    """
    with read_as("a CSV file", REMEDY):
        table = pd.read_csv(path, skipinitialspace=True)
    if not isinstance(table.index, pd.RangeIndex):  # else the first cells would be left out
        raise UserError(
            "rows have more cells than the first row has names of columns; expected columns that "
            f"are separated by commas, and decimal points; {REMEDY}"
        )
    table = table.drop(columns=INDEX, errors="ignore").rename(columns=str)
    _require_numbers(table)
    classes = [str(name) for name in table if name not in (*LABEL_COLUMNS, MEMBER)]
    _require_names(classes)
    _require_order(classes)
    members = _by_member(table)
    arrays: dict[str, Array] = {}
    if classes:
        stacked = np.stack([one[classes].to_numpy() for one in members])
        # A single column is one of labels.
        alone = stacked[0, :, 0] if len(classes) == 1 else stacked[0]
        arrays[PROBABILITIES] = stacked if MEMBER in table else alone
    for name in LABEL_COLUMNS:
        if name in table:
            of_members = [one[name].to_numpy() for one in members]
            if any(not np.array_equal(of_members[0], one) for one in of_members):
                raise UserError(
                    f"the column {name!r} differs between members; expected the images in the "
                    "same order for each"
                )
            arrays[LABELS] = of_members[0]
    return arrays


def _require_numbers(table: pd.DataFrame) -> None:
    if table.empty:
        raise UserError(f"the file has no row below the names of the columns; {REMEDY}")
    for name in table:
        if not is_numeric_dtype(table[name]) or table[name].dtype == bool:
            raise UserError(
                f"the column {name!r} holds no numbers; expected a column of numbers for each "
                f"class, separated by commas; {REMEDY}"
            )
    for name in {*LABEL_COLUMNS, MEMBER} & {*table}:
        if (empty := table[name].isna()).any():
            raise UserError(
                f"the column {name!r} has an empty cell, first in row {int(empty.argmax())}; "
                "expected a whole number in each"
            )
    if {*LABEL_COLUMNS} <= {*table}:
        raise UserError(f"the file has both columns {' and '.join(LABEL_COLUMNS)}; leave out one")


def _require_names(classes: list[str]) -> None:
    """A file without them would lose its first row, which pandas takes for them."""
    for name in classes:
        if _is_number(name) and not name.isdecimal():
            raise UserError(
                f"a column is called {name!r}; expected names of the columns in the first row, "
                f"each once, and numbers below; {REMEDY}"
            )
    if len(classes) == 1 and classes[0].isdecimal() and classes != ["0"]:
        raise UserError(
            f"the only column is called {classes[0]!r}; expected its name in the first row, such "
            f"as {LABEL_COLUMNS[0]}, and numbers below"
        )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _require_order(classes: list[str]) -> None:
    """Columns named by numbers are the classes in order, so that no label is of another column."""
    if len(classes) < 2:
        return
    parts = [re.fullmatch(r"(.*?)(\d{1,9})", name) for name in classes]
    numbers = [int(one[2]) for one in parts if one]
    if len(numbers) < len(classes) or len({one[1] for one in parts if one}) > 1:
        return
    # Classes that have a word before their number may be counted from 1.
    first = numbers[0] if numbers[0] == 1 and not classes[0].isdecimal() else 0
    if numbers != [*range(first, first + len(numbers))]:
        raise UserError(
            f"the columns of the classes are {', '.join(classes[:5])}…; expected {first} to "
            f"{first + len(numbers) - 1} in this order"
        )


def _by_member(table: pd.DataFrame) -> list[pd.DataFrame]:
    if MEMBER not in table:
        return [table]
    members = [rows for _, rows in table.groupby(MEMBER, sort=True)]
    counts = sorted({len(rows) for rows in members})
    if len(counts) > 1:
        raise UserError(
            f"members have from {counts[0]:,} to {counts[-1]:,} rows; expected a row an image for "
            "each member"
        )
    return members or [table]
