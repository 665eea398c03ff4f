"""Arrays in one file (NumPy's ``.npz``), with a checksum of them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import written_whole

Arrays = dict[str, NDArray[Any]]

SEAL = "sha256"
"""The array that holds the checksum of the others."""


class DamagedArraysError(Exception):
    """A file holds no arrays, or others than were written; the message is the reason."""


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path, *, sealed: bool = False) -> None:
    """Write arrays; the same arrays give the same bytes."""
    seal = {SEAL: np.array(_seal(arrays))} if sealed else {}
    with written_whole(path) as temporary, temporary.open("wb") as file, BytesIO() as archive:
        # In memory first: where a disk is full, NumPy's archive fails again while it is closed.
        np.savez_compressed(archive, **arrays, **seal)  # type: ignore[arg-type]
        file.write(archive.getvalue())


def read_arrays(path: Path, *, sealed: bool = False) -> Arrays:
    """The arrays of a file; their checksum, where there is one, is verified and left out.

    Args:
        path: of the file.
        sealed: whether there must be one.

    Raises:
        DamagedArraysError: they cannot be read, or are not those that were written.
    """
    with _opened(BytesIO(path.read_bytes())) as archive:
        arrays = {name: archive[name] for name in archive.files}
    # NumPy gives the bytes of what does not begin as an array does.
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise DamagedArraysError(f"{strange[0]!r} is no array")
    if SEAL not in arrays:
        if sealed:
            raise DamagedArraysError("it has no checksum")
        return arrays
    if str(arrays.pop(SEAL)) != _seal(arrays):
        raise DamagedArraysError("its content is not what was written")
    return arrays


def read_some_arrays(path: Path, wanted: Callable[[str], bool]) -> Arrays:
    """The wanted arrays of a file, whose checksum is not verified.

    Raises:
        DamagedArraysError: they cannot be read.
    """
    with _opened(BytesIO(path.read_bytes())) as archive:
        return {name: archive[name] for name in archive.files if wanted(name)}


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[np.lib.npyio.NpzFile]:
    try:
        with np.load(file) as archive:
            yield archive
    # What damaged bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        raise DamagedArraysError(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _seal(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of the arrays' names, types, shapes and bytes."""
    digest = sha256()
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
