"""Arrays in one file (NumPy's ``.npz``)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.io import written_whole

Arrays = dict[str, NDArray[Any]]


class DamagedArraysError(Exception):
    """A file holds no arrays, or others than were written; the message is the reason."""


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays; the same arrays give the same bytes."""
    with written_whole(path) as temporary:
        temporary.write_bytes(packed(arrays))


def read_arrays(path: Path) -> Arrays:
    """The arrays of a file.

    Raises:
        DamagedArraysError: they cannot be read.
    """
    return unpacked(path.read_bytes())


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The content of a file that holds the arrays."""
    # In memory: where a disk is full, NumPy's archive fails again while it is closed.
    with BytesIO() as archive:
        np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
        return archive.getvalue()


def is_of_the_machine(error: Exception) -> bool:
    """Whether a file could not be read for a reason that says nothing about its content."""
    if isinstance(error, OSError):
        return error.errno != errno.EINVAL  # a place before the file's beginning
    return isinstance(error, MemoryError)


def unpacked(content: bytes) -> Arrays:
    """The arrays of such a content.

    Raises:
        DamagedArraysError: they cannot be read.
    """
    try:
        with np.load(BytesIO(content)) as archive:
            arrays = {name: archive[name] for name in archive.files}
    # What damaged bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        if is_of_the_machine(error):
            raise
        raise DamagedArraysError(" ".join(f"{type(error).__name__}: {error}".split())) from error
    # NumPy gives the bytes of what does not begin as an array does.
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise DamagedArraysError(f"{strange[0]!r} is no array")
    return arrays
