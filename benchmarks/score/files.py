"""External predictions in files: one of each method, and those beside it with the rest.

By the ending of a file's name, ``.npy`` is read by NumPy, ``.pt`` and ``.pth`` by PyTorch, and
``.csv`` by pandas; else it is an ``.npz`` of NumPy. A file of a single array is taken for one of
predictions.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy
from pandas.api.types import is_numeric_dtype
from torch import Tensor

from benchmarks.io import UserError, objection_to, printable
from benchmarks.score.arrays import EXAMPLE, HELD_OUT, LABELS, OOD, PROBABILITIES, Array, Source
from benchmarks.score.external_predictions import ExternalPredictions, given_predictions


@contextmanager
def read_as(kind: str, remedy: str) -> Iterator[None]:
    """Turn what a library raises of a damaged file into a `UserError`.

    Args:
        kind: what the file is expected to be.
        remedy: how such a file is written.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        raise UserError(
            f"the file cannot be read ({error.strerror or 'it is damaged'}); {remedy}"
        ) from error
    # A library raises nearly anything of bytes that it does not expect.
    except Exception as error:
        raise UserError(f"this is not {kind}, or it is damaged; {remedy}") from error


MOST_IN_MEMORY = 8 * 2**30
"""Bytes of all arrays in an ``.npz``, which is read as a whole."""


def read_numpy_file(path: Path) -> dict[str, Array]:
    """The array, of which only what is asked for is read from the disk.

    Raises:
        UserError: the file cannot be read, or holds Python objects.
    """
    with read_as("an .npy file of numbers", "write it with np.save(file, probabilities)"):
        # Not `numpy.load`, which takes an archive for one, whatever the name of the file.
        return {PROBABILITIES: npy.open_memmap(path, mode="r")}


def read_numpy_archive(path: Path) -> dict[str, Array]:
    """The arrays in an ``.npz``, by their names.

    Raises:
        UserError: the file cannot be read, is none, or holds too much for the memory.
    """
    with read_as("an .npz file of numbers", f"write it with {EXAMPLE}"), path.open("rb") as file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise UserError(f"this is one array (.npy) without labels; save both with {EXAMPLE}")
        members = ZipFile(file).infolist()
        if not all(one.filename.endswith(".npy") for one in members):
            raise ValueError("it is an archive of something else")
        if (size := sum(one.file_size for one in members)) > MOST_IN_MEMORY:
            raise UserError(
                f"the file holds {size:,} bytes; expected at most {MOST_IN_MEMORY:,} in an .npz: "
                "save each array by np.save in a file of its own"
            )
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}


TORCH_REMEDY = "write it with torch.save(probabilities, file)"

EXPECTED = (
    "expected a tensor, a list of batches (tensors, or pairs of predictions and labels), or a "
    "dictionary of these by the names probabilities, labels and ood_<name>"
)


def read_torch_file(path: Path) -> dict[str, Array]:
    """The arrays in a file, by their names; only tensors are unpacked, no other objects.

    Batches of [images, classes] or [members, images, classes] are joined along the images.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    with read_as("a file of tensors", TORCH_REMEDY), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that earlier versions wrote
        content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, Mapping):
        return {str(name): _joined(name, values) for name, values in content.items()}
    if pairs := _pairs(content):
        predictions, labels = zip(*pairs, strict=True)
        return {PROBABILITIES: _joined(PROBABILITIES, predictions), LABELS: _joined(LABELS, labels)}
    return {PROBABILITIES: _joined(PROBABILITIES, content)}


def _pairs(content: Any) -> list[tuple[Any, Any]]:
    """The batches, where each is a pair; else none."""
    if not isinstance(content, Sequence):
        return []
    pairs = [tuple(one) for one in content if isinstance(one, Sequence) and len(one) == 2]
    return pairs if len(pairs) == len(content) else []


def _joined(name: object, values: Any) -> Array:
    batches = [values] if isinstance(values, Tensor) else values
    if not isinstance(batches, Sequence) or not batches:
        raise UserError(f"{name!r} is a {type(values).__name__}; {EXPECTED}")
    for batch in batches:
        if not isinstance(batch, Tensor):
            raise UserError(f"a batch of {name!r} is a {type(batch).__name__}; {EXPECTED}")
    shapes = [list(batch.shape) for batch in batches]
    axis = max(0, batches[0].ndim - 2)  # the images, before the classes
    try:
        joined = torch.cat(tuple(batches), dim=axis) if len(batches) > 1 else batches[0]
    except RuntimeError as error:
        raise UserError(
            f"the batches of {name!r} have the shapes {shapes[0]} and others, such as "
            f"{next((one for one in shapes if one != shapes[0]), shapes[-1])}; expected batches "
            "that differ in their number of images alone"
        ) from error
    # NumPy knows no bfloat16.
    joined = joined.float() if joined.dtype == torch.bfloat16 else joined
    try:
        array: Array = joined.detach().numpy()
    except (TypeError, RuntimeError) as error:
        raise UserError(
            f"{name!r} is a tensor of {joined.dtype} and {joined.layout} on {joined.device}; "
            f"expected numbers in a dense one: save {name}.to_dense().float()"
        ) from error
    return array


LABEL_COLUMNS = ("label", LABELS)

MEMBER = "member"

INDEX = "Unnamed: 0"
"""What pandas calls the first column if it has no name."""

CSV_REMEDY = "write it with pandas.DataFrame(probabilities).to_csv(file)"


def read_csv_file(path: Path) -> dict[str, Array]:
    """The arrays in a table: predictions, labels or both.

    Raises:
        UserError: the file cannot be read, a column is not of numbers or not where it is expected,
            or members have different images.
    """
    with read_as("a CSV file", CSV_REMEDY):
        table = pd.read_csv(path, skipinitialspace=True)
    if not isinstance(table.index, pd.RangeIndex):  # else the first cells would be left out
        raise UserError(
            "rows have more cells than the first row has names of columns; expected columns that "
            f"are separated by commas, and decimal points; {CSV_REMEDY}"
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
        raise UserError(f"the file has no row below the names of the columns; {CSV_REMEDY}")
    for name in table:
        if not is_numeric_dtype(table[name]) or table[name].dtype == bool:
            raise UserError(
                f"the column {name!r} holds no numbers; expected a column of numbers for each "
                f"class, separated by commas; {CSV_REMEDY}"
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
                f"each once, and numbers below; {CSV_REMEDY}"
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


READERS: Mapping[str, Callable[[Path], Mapping[str, Array]]] = {
    ".npy": read_numpy_file,
    ".pt": read_torch_file,
    ".pth": read_torch_file,
    ".csv": read_csv_file,
}
"""By the ending of the name; each gives the arrays of a file by their names."""


def arrays_in(path: Path) -> dict[str, Source]:
    """The arrays in a file by their names.

    Raises:
        UserError: the file cannot be read, is damaged, or does not hold arrays.
    """
    read = READERS.get(path.suffix.lower(), read_numpy_archive)
    return {name: Source(name, values) for name, values in read(path).items()}


@dataclass(frozen=True)
class FilesBeside:
    """Files with what is not in a method's own file.

    Attributes:
        labels, calibration_labels: of the labels.
        ood: by the names of the sets of images, of predictions.
        calibration: of predictions, with labels or without.
    """

    labels: Path | None = None
    ood: Mapping[str, Path] = field(default_factory=dict)
    calibration: Path | None = None
    calibration_labels: Path | None = None

    @property
    def arrays(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Each file, and by the names of the arrays in it what these are."""
        if self.labels is not None:
            yield self.labels, {PROBABILITIES: LABELS, LABELS: LABELS}
        for name, path in self.ood.items():
            yield path, {PROBABILITIES: f"{OOD}{name}"}
        if self.calibration is not None:
            yield self.calibration, dict(zip((PROBABILITIES, LABELS), HELD_OUT, strict=True))
        if self.calibration_labels is not None:
            yield self.calibration_labels, {PROBABILITIES: HELD_OUT[1], LABELS: HELD_OUT[1]}


def read_predictions(
    path: Path, beside: FilesBeside | None = None, *, from_logits: bool = False
) -> ExternalPredictions:
    """Read and check a file; one of a single array may be larger than the memory.

    Args:
        path: in one of these formats; its name names the method.
        beside: the files of what it does not hold.
        from_logits: whether these are logits.

    Raises:
        UserError: a file cannot be read, or an array in it is missing, unknown or malformed; names
            the array, what is wrong with it and what to do.
    """
    others = list((beside or FilesBeside()).arrays)
    try:
        arrays = arrays_in(path)
        if objection := objection_to(path.stem):
            raise UserError(f"the file's name, which names the method, {objection}")
    except UserError as error:
        raise _of_file(path, error) from error
    for other, names in others:
        try:
            _add(arrays, arrays_in(other), names)
        except UserError as error:
            raise _of_file(other, error) from error
    try:
        given = given_predictions(path.stem, arrays, from_logits=from_logits)
        digest = _digest([path, *(other for other, _ in others)])
    except UserError as error:
        raise _of_file(path, error) from error
    return replace(given, sha256=digest)


def _of_file(path: Path, error: UserError) -> UserError:
    return UserError(f"{printable(str(path))}: {error}")


def _add(arrays: dict[str, Source], further: dict[str, Source], names: Mapping[str, str]) -> None:
    """Add the arrays of a further file, under the names that they have among all.

    Where two of its arrays would have one name, as in a file of predictions that names its labels,
    it is the later one of ``names``.
    """
    found = {names[name]: further[name] for name in names if name in further}
    if not found:
        raise UserError(f"the file holds {', '.join(map(repr, further))}; expected one array")
    for name, array in found.items():
        if name in arrays:
            raise UserError(f"{name!r} is given twice; leave out one of the files")
        arrays[name] = replace(array, name=name)


def _digest(paths: list[Path]) -> str:
    """Of the contents of these files, one after the other."""
    digest = sha256()
    for path in paths:
        with path.open("rb") as file:
            while content := file.read(2**20):
                digest.update(content)
    return digest.hexdigest()
