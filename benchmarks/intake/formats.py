"""Arrays in files: ``.npz``, ``.npy`` and ``.csv``; nothing that they hold is executed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from benchmarks.intake.checks import CALIBRATION, EXAMPLE, HUMANS, LABELS, PROBABILITIES, REFERENCE
from benchmarks.io import UserError
from benchmarks.schema import ArraysByName, arrays_of


def arrays_in(path: Path) -> ArraysByName:
    """The arrays in a file by their names; an ``.npy`` stays on the disk until it is asked for.

    Raises:
        UserError: the format is not supported, or the file cannot be read, is damaged, or does not
            hold arrays.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        what = f"the format {ending} is not supported" if ending else "the name has no ending"
        raise UserError(f"{what}; expected one of {', '.join(READERS)}")
    return READERS[ending](path)


def arrays_named(name: str, path: Path) -> ArraysByName:
    """The array of this name from a file of its own; one of calibration images may hold labels.

    Raises:
        UserError: see `arrays_in`; or the file holds several arrays.
    """
    held = arrays_in(path)
    alone = {HUMANS: "", REFERENCE: "", LABELS: LABELS, CALIBRATION[1]: LABELS}
    wanted = alone.get(name, PROBABILITIES)
    own = [wanted] if wanted in held else [*held]
    if len(own) != 1:
        raise UserError(f"the file holds {', '.join(map(repr, held))}; expected one array")
    arrays = {name: held[own[0]]}
    return arrays | (
        {CALIBRATION[1]: held[LABELS]} if {name, *held} >= {CALIBRATION[0], LABELS} else {}
    )


@contextmanager
def _read_as(kind: str, remedy: str) -> Iterator[None]:
    """Turn what a library raises of a damaged file into a `UserError`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        why = error.strerror or "it is damaged"
        raise UserError(f"the file cannot be read ({why}); {remedy}") from error
    # A library raises nearly anything of bytes that it does not expect.
    except Exception as error:
        raise UserError(f"this is not {kind}, or it is damaged; {remedy}") from error


def _read_npy(path: Path) -> ArraysByName:
    with _read_as("an .npy file of numbers", "write it with np.save(file, probabilities)"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise TypeError("this is an archive of arrays")
        return {PROBABILITIES: array}


def _read_npz(path: Path) -> ArraysByName:
    with _read_as("an .npz file of numbers", f"write it with {EXAMPLE}"), path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise UserError(f"this is one array (.npy) without labels; save both with {EXAMPLE}")
        return arrays_of(archive, archive.files)


MEMBER = "member"

CSV_REMEDY = "write it with pandas.DataFrame(probabilities).to_csv(file)"


def _read_csv(path: Path) -> ArraysByName:
    """Predictions with a column a class, labels in a column ``label`` or ``labels``, or both.

    A column ``member`` tells members apart; an index that pandas wrote is left out.
    """
    kind = "a CSV file of numbers with names of the columns in its first row"
    with (
        _read_as(kind, CSV_REMEDY),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        first = next(filter(None, csv.reader(file, skipinitialspace=True)))
        table = pd.read_csv(file, header=None, skipinitialspace=True)
    names = [LABELS if name.strip() == "label" else name.strip() for name in first]
    _check_header(names, table)
    table.columns = pd.Index(names)
    if names[0] in ("", "Unnamed: 0"):  # what pandas calls its index
        table = table.iloc[:, 1:]
    classes = [name for name in table if name not in (LABELS, MEMBER)]
    for name, column in table.items():
        kinds = "iuf" if name in classes else "iu"
        if column.dtype.kind not in kinds:
            raise UserError(
                f"the column {name!r} does not hold a {'' if 'f' in kinds else 'whole '}number in "
                f"each row; expected it, and commas between columns; {CSV_REMEDY}"
            )
    _check_classes(table[classes])
    members = [own for _, own in table.groupby(MEMBER)] if MEMBER in table else [table]
    arrays: ArraysByName = {}
    if LABELS in table:
        arrays[LABELS] = members[0][LABELS].to_numpy()
    labels = [own.filter([LABELS]).to_numpy() for own in members]
    if not all(np.array_equal(labels[0], own) for own in labels):
        raise UserError(
            "members have other numbers of rows, or other labels; expected for each the same "
            "images in the same order"
        )
    if classes:
        stacked = np.stack([own[classes].to_numpy() for own in members])
        one_member = stacked[0, :, 0] if len(classes) == 1 else stacked[0]  # one column: labels
        arrays[PROBABILITIES] = stacked if MEMBER in table else one_member
    return arrays


def _check_header(names: list[str], table: pd.DataFrame) -> None:
    """The first row names each column once."""
    if len(names) != table.shape[1]:
        raise UserError(
            f"the first row has {len(names)} names, and others have {table.shape[1]} cells; "
            f"expected columns that are separated by commas, and decimal points; {CSV_REMEDY}"
        )
    for name in names:
        number = re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", name)
        # Whole numbers name classes; of a single column they are its first value.
        is_value = number and (not name.isdecimal() or (len(names) == 1 and name != "0"))
        if is_value or names.count(name) > 1:
            raise UserError(
                f"the first row has {name!r}; expected a name for each column, each once, and "
                f"numbers below; {CSV_REMEDY}"
            )


def _check_classes(table: pd.DataFrame) -> None:
    """No column is of something else; by numbers they are in order, so that labels fit to them."""
    names = [*table]
    whole = [name for name in names if is_integer_dtype(table[name]) and table[name].max() > 1]
    if whole and len(whole) < len(names):
        raise UserError(
            f"the column {whole[0]!r} has whole numbers, others have fractions: it looks like a "
            "label or an index; leave it out"
        )
    parts = [match for name in names if (match := re.fullmatch(r"(.*?)(\d{1,9})", name))]
    words, numbers = {match[1] for match in parts}, [int(match[2]) for match in parts]
    if len(names) < 2 or len(parts) < len(names) or len(words) > 1:
        return
    # Classes that have a word before their number may be counted from 1.
    first = 1 if numbers[0] == 1 and words != {""} else 0
    if numbers != [*range(first, first + len(numbers))]:
        raise UserError(
            f"the columns of the classes are {', '.join(names[:5])}…; expected {first} to "
            f"{first + len(numbers) - 1} in this order"
        )


READERS: Mapping[str, Callable[[Path], ArraysByName]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".csv": _read_csv,
}
"""Readers by the ending of a file's name."""
