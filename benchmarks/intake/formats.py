"""Arrays of predictions by their names, from files or from the memory, checked.

- ``probabilities``: [members, images, classes], or [images, classes] of one member;
- ``labels``: [images], whole numbers from 0;
- ``ood_<name>``, any number of them: probabilities of out-of-distribution images;
- ``calibration_probabilities`` and ``calibration_labels``: the same of images that the model has
  not been trained on, which conformal sets and the temperature are fitted to.

Logits may stand in place of all probabilities, where whoever gives them says so. Files are
``.npz``, ``.npy`` and ``.csv``; nothing that they hold is executed. What would make a
number silently wrong is refused: every error names the array, what is wrong with it, what was
expected and what to do.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pandas.api.types import is_integer_dtype, is_numeric_dtype
from torch import Tensor

from benchmarks.io import UserError, objection_to
from benchmarks.schema import ArraysByName, arrays_of

PROBABILITIES, LABELS = "probabilities", "labels"
"""The names of the two arrays that there must be."""

OOD = "ood_"
"""The prefix of the names of arrays of out-of-distribution images."""

CALIBRATION = ("calibration_probabilities", "calibration_labels")
"""The names of both arrays of calibration images."""

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

SUM_TOLERANCE = 1e-3
"""How far a row may be from a sum of 1: half precision; the metrics allow as much."""

NEGATIVE_TOLERANCE = 1e-6
"""How far below 0 rounding may leave a probability; it then counts as 0."""

FEW_IMAGES = 16
"""Of so many, rows show which axis is which."""

AnyArray = NDArray[Any]


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


def as_array(values: Any, name: str) -> AnyArray:
    """A tensor, an array or a list of numbers, as an array.

    Raises:
        UserError: it is none; the message calls it by its name.
    """
    try:
        if not isinstance(values, Tensor):
            return np.asarray(values)
        # NumPy knows no bfloat16.
        known = values.float() if values.dtype == torch.bfloat16 else values
        array: AnyArray = known.detach().cpu().numpy()
        return array
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{name}: this is no array of numbers ({str(error).splitlines()[0]}); give members "
            "with equally many images and classes"
        ) from error


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


LABEL_COLUMNS, MEMBER = ("label", LABELS), "member"

CSV_REMEDY = "write it with pandas.DataFrame(probabilities).to_csv(file)"


def _read_csv(path: Path) -> ArraysByName:
    """Predictions with a column a class, labels in a column of their own, or both.

    A column ``member`` tells members apart; an index that pandas wrote is left out.
    """
    with _read_as("a CSV file", CSV_REMEDY):
        table = pd.read_csv(path, skipinitialspace=True)
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [name.strip() for name in next(csv.reader(file, skipinitialspace=True))]
    _require_header(header)
    # Else the first cells of a row, which pandas takes for its index, would be left out.
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(
            "rows have more cells than the first row has names of columns; expected columns that "
            f"are separated by commas, and decimal points; {CSV_REMEDY}"
        )
    table = table.drop(columns="Unnamed: 0", errors="ignore")  # what pandas calls its index
    _require_numbers(table)
    classes = [str(name) for name in table if name not in (*LABEL_COLUMNS, MEMBER)]
    _require_order(classes)
    whole = [name for name in classes if is_integer_dtype(table[name]) and table[name].max() > 1]
    if whole and len(whole) < len(classes):
        raise UserError(
            f"the column {whole[0]!r} has whole numbers, others have fractions: it looks like a "
            "label or an index; leave it out"
        )
    members = _by_member(table)
    arrays: ArraysByName = {}
    if classes:
        stacked = np.stack([rows[classes].to_numpy() for rows in members])
        one_member = stacked[0, :, 0] if len(classes) == 1 else stacked[0]  # one column: labels
        arrays[PROBABILITIES] = stacked if MEMBER in table else one_member
    for name in LABEL_COLUMNS:
        if name in table:
            arrays[LABELS], *others = (rows[name].to_numpy() for rows in members)
            if not all(np.array_equal(arrays[LABELS], labels) for labels in others):
                raise UserError(
                    f"the column {name!r} differs between members; expected the images in the "
                    "same order for each"
                )
    return arrays


def _require_header(names: list[str]) -> None:
    """Names stand in the first row, each once: pandas takes any row for it, and renames others."""
    for name in names:
        repeated, number = names.count(name) > 1, re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", name)
        if repeated or (number and not name.isdecimal()):
            raise UserError(
                f"{'two columns are' if repeated else 'a column is'} called {name!r}; expected "
                "names of the columns in the first row, each once, and numbers below; "
                f"{CSV_REMEDY}"
            )
    if len(names) == 1 and names[0].isdecimal() and names[0] != "0":
        raise UserError(
            f"the only column is called {names[0]!r}; expected its name in the first row, such as "
            f"{LABEL_COLUMNS[0]}, and numbers below"
        )


def _require_numbers(table: pd.DataFrame) -> None:
    if table.empty:
        raise UserError(f"the file has no row below the names of the columns; {CSV_REMEDY}")
    for name, column in table.items():
        if not is_numeric_dtype(column) or column.dtype == bool:
            raise UserError(
                f"the column {name!r} holds no numbers; expected a column of numbers for each "
                f"class, separated by commas; {CSV_REMEDY}"
            )
        if name in (*LABEL_COLUMNS, MEMBER) and column.isna().any():
            raise UserError(
                f"the column {name!r} has an empty cell, first in row "
                f"{int(column.isna().argmax())}; expected a whole number in each"
            )
    if {*LABEL_COLUMNS} <= {*table}:
        raise UserError(f"the file has both columns {' and '.join(LABEL_COLUMNS)}; leave out one")


def _require_order(classes: list[str]) -> None:
    """Columns named by numbers are the classes in order, so that no label is of another column."""
    parts = [match for name in classes if (match := re.fullmatch(r"(.*?)(\d{1,9})", name))]
    numbers, words = [int(match[2]) for match in parts], {match[1] for match in parts}
    if len(classes) < 2 or len(numbers) < len(classes) or len(words) > 1:
        return
    # Classes that have a word before their number may be counted from 1.
    first = 1 if numbers[0] == 1 and words != {""} else 0
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
    return members


READERS: Mapping[str, Callable[[Path], ArraysByName]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".csv": _read_csv,
}
"""By the ending of a file's name."""


def check_arrays(arrays: Mapping[str, AnyArray]) -> None:
    """Names, shapes and labels fit together; of the predictions no number is read.

    Raises:
        UserError: an array is missing, unknown or malformed.
    """
    _check_names(arrays)
    pairs = [pair for pair in ((PROBABILITIES, LABELS), CALIBRATION) if pair[0] in arrays]
    sets = [name for name in arrays if name.startswith(OOD)]
    for _, labels in pairs:
        check_label_form(labels, arrays[labels])
    for name in (*(predictions for predictions, _ in pairs), *sets):
        check_form(name, arrays[name])
    members, classes = _members_and_classes(arrays[PROBABILITIES])
    for predictions, labels in pairs:
        array, images = arrays[predictions], len(arrays[labels])
        if array.shape[-2] != images:
            raise UserError(
                f"{predictions!r} has the shape {list(array.shape)}, but there are {images:,} "
                "labels; expected [members, images, classes] or [images, classes]"
                + _axis_order_hint(predictions, array, images)
            )
        check_classes(arrays[labels], classes=classes, name=labels)
    for name in (*sets, *(predictions for predictions, _ in pairs[1:])):
        if _members_and_classes(arrays[name]) != (members, classes):
            raise UserError(
                f"{name!r} has the shape {list(arrays[name].shape)}; expected [members, images, "
                f"classes] with {members} members and {classes} classes, as the labelled images "
                "have"
            )


def _check_names(arrays: Mapping[str, AnyArray]) -> None:
    missing = [name for name in (PROBABILITIES, LABELS) if name not in arrays]
    ood = {name for name in arrays if name.startswith(OOD) and name != OOD}
    unknown = sorted(arrays.keys() - {PROBABILITIES, LABELS, *CALIBRATION} - ood)
    if missing or unknown:
        held = ", ".join(f"{name!r} {list(arrays[name].shape)}" for name in sorted(arrays))
        raise UserError(
            f"the file holds {held or 'no array'}; expected {PROBABILITIES!r}, {LABELS!r} and, for "
            f"out-of-distribution images, '{OOD}<name>'"
            + (f"; missing: {_quoted(missing)}" if missing else "")
            + (f"; rename or leave out: {_quoted(unknown)}" if unknown else "")
            + f"; write it with {EXAMPLE}"
            + (", or name the file of the labels by --labels" if missing == [LABELS] else "")
        )
    if len(absent := [name for name in CALIBRATION if name not in arrays]) == 1:
        raise UserError(
            f"the file holds one of {_quoted(CALIBRATION)}; save {absent[0]!r}, too, or leave out "
            "both"
        )
    for name in sorted(ood):
        if objection := objection_to(name.removeprefix(OOD)):
            raise UserError(f"the name of the array {name!r} {objection}")


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def check_label_form(name: str, labels: AnyArray) -> None:
    """The labels are [images], whole numbers, at least one."""
    shape = list(labels.shape)
    if len(shape) == 2 and min(shape) > 1:
        raise UserError(
            f"{name!r} has the shape {shape}; expected [images], one class per image: if these are "
            f"one-hot, save {name}.argmax(axis=1)"
        )
    if len(shape) != 1:
        raise UserError(f"{name!r} has the shape {shape}; expected [images]: save {name}.ravel()")
    if labels.dtype.kind not in "iu":
        remedy = (
            f"if these are classes from 0, save {name}.astype(int)"
            if labels.dtype.kind in "fb"
            else "expected of each class the position of its column, from 0"
        )
        raise UserError(f"{name!r} are {labels.dtype}, not whole numbers; {remedy}")
    if not shape[0]:
        raise UserError(f"{name!r} is empty; expected the class of at least one image")


def check_classes(
    labels: AnyArray, *, classes: int, name: str = LABELS, first_image: int = 0
) -> None:
    """Labels are classes from 0.

    Args:
        labels: of all images, or of those from ``first_image`` on.
        classes: how many there are.
        name: what messages call the labels.
    """
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        first = outside[0]
        from_one = labels.min() == 1 and labels.max() == classes
        hint = f": if you count them from 1, save {name} - 1" if from_one else ""
        raise UserError(
            f"{len(outside):,} of {len(labels):,} {name!r} are not a class; the first is "
            f"{labels[first]}, of image {first_image + first}; expected 0 to {classes - 1}{hint}"
        )


def check_form(name: str, array: AnyArray) -> None:
    """The predictions are numbers, [members, images, classes] or [images, classes]."""
    shape = list(array.shape)
    if array.dtype.kind not in "fiu":
        raise UserError(f"{name!r} has the type {array.dtype}; expected floating-point numbers")
    if len(shape) not in (2, 3):
        raise UserError(
            f"{name!r} has the shape {shape}; expected [members, images, classes] or "
            "[images, classes]"
        )
    if not prod(shape):
        raise UserError(f"{name!r} is empty: it has the shape {shape}")


def _members_and_classes(array: AnyArray) -> tuple[int, int]:
    return array.shape[0] if array.ndim == 3 else 1, array.shape[-1]


def _axis_order_hint(name: str, array: AnyArray, images: int) -> str:
    """What to do, if in another order the axes would be as expected, by the first images."""
    for order in permutations(range(array.ndim)):
        if array.shape[order[-2]] == images:
            first_images = array.transpose(order)[..., :FEW_IMAGES, :]
            if _are_distributions(first_images).all():
                axis = order[-2]
                return f": axis {axis} looks like the images, so save {name}.transpose{order}"
    return ""


def check_rows(
    name: str, block: AnyArray, first_image: int, *, one_member: bool, from_logits: bool
) -> None:
    """The rows of a block of images are probabilities, or logits.

    Args:
        name: of the array.
        block: [members, images, classes].
        first_image: the position of its first image.
        one_member: whether messages name no member.
        from_logits: whether these are logits.
    """
    distributions = _are_distributions(block)
    if from_logits and first_image == 0 and distributions.all():
        raise UserError(
            f"all rows of {name!r} sum to 1, as probabilities do; expected logits: leave out "
            "--from-logits"
        )
    # −∞ is the logit of the probability 0.
    are_logits = (block < np.inf).all(axis=-1) & (block > -np.inf).any(axis=-1)
    unsound = np.asarray(~(are_logits if from_logits else distributions))
    if not unsound.any():
        return
    member, image = map(int, np.argwhere(unsound)[0])
    row = block[member, image].astype(np.float64)
    place = f"{'' if one_member else f'member {member}, '}image {first_image + image}"
    begin = f"{unsound.sum():,} of {unsound.size:,} rows of {name!r} are"
    if from_logits:
        raise UserError(
            f"{begin} not finite; the first is that of {place}; expected logits: numbers, or -inf "
            "for the probability 0"
        )
    if not np.isfinite(row).all():
        wrong = f"holds {row[~np.isfinite(row)][0]}"
    else:
        below = row.min() < -NEGATIVE_TOLERANCE
        wrong = f"holds {row.min():.4g}" if below else f"sums to {row.sum():.6g}"
    raise UserError(
        f"{begin} not probabilities; the first ({place}) {wrong}; expected non-negative numbers "
        f"that sum to 1; {_remedy(name, row)}"
    )


@np.errstate(all="ignore")
def _are_distributions(rows: AnyArray) -> AnyArray:
    """Which rows are probabilities, within both tolerances, whatever the numbers are."""
    sums = np.asarray(rows.sum(axis=-1, dtype=np.float64))
    return (abs(sums - 1) <= SUM_TOLERANCE) & (rows >= -NEGATIVE_TOLERANCE).all(axis=-1)


@np.errstate(all="ignore")
def _remedy(name: str, row: AnyArray) -> str:
    if not (row < np.inf).all():  # NaN, or +∞
        return "find its origin: metrics of it would be NaN too"
    if (row <= 0).all() and abs(np.exp(row).sum() - 1) <= SUM_TOLERANCE:
        return f"if these are logarithms, save np.exp({name})"
    if (row >= -NEGATIVE_TOLERANCE).all() and abs(row.sum() - 1) < 0.1:
        return f"save {name} / {name}.sum(axis=-1, keepdims=True) in single precision"
    if (row >= 0).all() and abs(row.sum() / 100 - 1) <= SUM_TOLERANCE:
        return f"if these are percentages, save {name} / 100"
    if ((row >= 0) & (row <= 1)).all():
        return "classes exclude each other: expected what a softmax gives, no sigmoid of each"
    return (
        f"if these are logits, save scipy.special.softmax({name}, axis=-1), or say so by "
        "--from-logits"
    )
