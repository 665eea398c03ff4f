"""Files of NumPy: one array, as `numpy.save` writes it, or several, as `numpy.savez` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, Self
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy

from benchmarks.errors import UserError
from benchmarks.score.arrays import PROBABILITIES
from benchmarks.score.formats.reading import read_as
from benchmarks.score.sources import EXAMPLE, Array, GivenArray, Parts

MOST_IN_MEMORY = 3 * 2**30
"""Bytes of an array in an ``.npz``, which is read as a whole."""

LONGEST_HEADER = 2**14
"""Bytes that are unpacked for a header; NumPy takes no more than 10,000."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""What reads a header, by its version."""


def read_numpy_file(path: Path) -> dict[str, Array]:
    """The array, of which only what is asked for is read from the disk.

    Raises:
        UserError: the file cannot be read, or holds Python objects.
    """
    with read_as("an .npy file of numbers", "write it with np.save(file, probabilities)"):
        # Not `numpy.load`, which takes an archive for one, whatever the name of the file.
        return {PROBABILITIES: npy.open_memmap(path, mode="r")}


@dataclass(frozen=True)
class ZippedArray:
    """An array in an ``.npz``, of which only the header was read."""

    name: str
    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def named(self, name: str) -> Self:
        """The same under another name, for messages."""
        return replace(self, name=name)

    @contextmanager
    def opened(self) -> Iterator[Parts]:
        """The array in memory, for as long as it is needed.

        Raises:
            UserError: it is damaged.
        """
        with _read_as_npz(), np.load(self.path, allow_pickle=False) as archive:
            values = archive[self.member]
        yield GivenArray(self.name, values)


def read_zipped_arrays(path: Path) -> dict[str, ZippedArray]:
    """The arrays in an ``.npz``, by their names.

    Raises:
        UserError: the file cannot be read, is none, or holds an array that is too large.
    """
    with _read_as_npz(), path.open("rb") as file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise UserError(f"this is one array (.npy) without labels; save both with {EXAMPLE}")
        with ZipFile(file) as archive:
            arrays = [_array(archive, path, member) for member in archive.namelist()]
    for array in arrays:
        if (size := prod(array.shape) * array.dtype.itemsize) > MOST_IN_MEMORY:
            raise UserError(
                f"{array.name!r} of {list(array.shape)} has {size:,} bytes; expected at most "
                f"{MOST_IN_MEMORY:,} in an .npz: save each array by np.save in a file of its own"
            )
    return {array.name: array for array in arrays}


def _read_as_npz() -> AbstractContextManager[None]:
    return read_as("an .npz file", f"write it with {EXAMPLE}")


def _array(archive: ZipFile, path: Path, member: str) -> ZippedArray:
    # A header may claim to be of gigabytes itself.
    with archive.open(member) as file:
        start = BytesIO(file.read(LONGEST_HEADER))
    shape, _, dtype = HEADERS[npy.read_magic(start)](start)
    return ZippedArray(member.removesuffix(".npy"), path, member, shape, dtype)
