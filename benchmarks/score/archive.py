"""A file of arrays, read as little as possible: headers first, then an array part by part.

So a file that is larger than the memory can be scored, and one that only claims to be large, or
holds something else than it says, is refused before it is unpacked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from math import prod
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any, Self
from warnings import catch_warnings, simplefilter
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from benchmarks.errors import UserError
from benchmarks.score.sources import EXAMPLE, Array, Parts

MOST_UNPACKED = 3 * 2**30
"""Bytes of an array that is compressed; others are no larger than the file."""

MOST_IN_MEMORY = 2**28
"""Bytes up to which an array is unpacked in memory; a larger one is to a temporary file."""

MOST_ARRAYS = 1000
"""In a file: more sets of images fit into no table."""

LONGEST_HEADER = 2**14
"""Bytes; NumPy itself reads no more than 10,000 of text."""

CHUNK = 2**20
"""Bytes that are copied at once."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""What reads a header, by its version; those of a third version are of columns with names."""


@dataclass(frozen=True)
class Header:
    """What an array is, and where in its member of the archive it begins."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    begin: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.begin + prod(self.shape) * self.dtype.itemsize


class PartsOfFile:
    """An array in an open file, of which parts are read."""

    def __init__(self, header: Header, file: IO[bytes], begin: int) -> None:
        self._header, self._file, self._begin = header, file, begin

    def part(self, axis: int, start: int, stop: int) -> Array:
        """The array from ``start`` to ``stop`` along an axis.

        Raises:
            UserError: the file is damaged.
        """
        header = self._header
        # In the file, an array in Fortran's order is a transposed one.
        order = -1 if header.fortran_order else 1
        stored = header.shape[::order]
        axis = axis if order == 1 else len(stored) - 1 - axis
        stop = min(stop, stored[axis])
        outer, inner = prod(stored[:axis]), prod(stored[axis + 1 :])
        array = np.empty((outer, (stop - start) * inner), header.dtype)
        with readable():
            for position, row in enumerate(array):
                first = (position * stored[axis] + start) * inner
                self._fill(row, self._begin + first * header.dtype.itemsize)
        shaped = array.reshape(*stored[:axis], stop - start, *stored[axis + 1 :])
        return shaped.T if header.fortran_order else shaped

    def _fill(self, row: Array, position: int) -> None:
        self._file.seek(position)
        content = self._file.read(row.nbytes)
        if len(content) < row.nbytes:
            raise EOFError
        row.view(np.uint8)[:] = np.frombuffer(content, np.uint8)


@dataclass(frozen=True)
class StoredArray:
    """An array in an archive, of which only the header was read."""

    name: str
    header: Header
    archive: ZipFile
    file: IO[bytes]
    info: ZipInfo

    @property
    def shape(self) -> tuple[int, ...]:
        """As the header says."""
        return self.header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As the header says."""
        return self.header.dtype

    def named(self, name: str) -> Self:
        """The same under another name, for messages."""
        return replace(self, name=name)

    @contextmanager
    def opened(self) -> Iterator[Parts]:
        """The array, read once, so that any damage is found; unpacked if it is compressed.

        Raises:
            UserError: it is damaged, or there is no space for it.
        """
        if self.info.compress_type == ZIP_STORED:
            self._copy_to(None)
            yield PartsOfFile(self.header, self.file, self._content + self.header.begin)
        else:
            with SpooledTemporaryFile(MOST_IN_MEMORY) as unpacked:
                self._copy_to(unpacked)
                yield PartsOfFile(self.header, unpacked, self.header.begin)

    @property
    def _content(self) -> int:
        """Where in the file the member's content is, behind a name and an extra field."""
        self.file.seek(self.info.header_offset + 26)
        lengths = np.frombuffer(self.file.read(4), "<u2")
        return self.info.header_offset + 30 + int(lengths.sum())

    def _copy_to(self, target: IO[bytes] | None) -> None:
        with readable(), self.archive.open(self.info) as member:
            while content := member.read(CHUNK):
                if target is not None:
                    self._write(content, target)

    def _write(self, content: bytes, target: IO[bytes]) -> None:
        try:
            target.write(content)
        except OSError as error:
            raise UserError(
                f"{self.name!r} cannot be unpacked to {gettempdir()} ({error.strerror}); free "
                f"{self.info.file_size:,} bytes there, or write the file by np.savez"
            ) from error


@contextmanager
def opened(path: Path) -> Iterator[dict[str, StoredArray]]:
    """The arrays in a file by their names.

    Raises:
        UserError: it is no file of arrays, is damaged, or holds what needs too much memory.
    """
    with readable():
        file = path.open("rb")
    with file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise UserError(f"this is one array (.npy) without labels; save both with {EXAMPLE}")
        with readable():
            archive = ZipFile(file)
        with archive:
            yield _arrays(archive, file)


@contextmanager
def readable() -> Iterator[None]:
    """Turn what damaged bytes raise into a `UserError`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        raise UserError(
            f"the file cannot be read ({error.strerror or 'it is damaged'}); write it with "
            f"{EXAMPLE}"
        ) from error
    # It is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        raise UserError(
            f"this is not an .npz file, or it is damaged; write it with {EXAMPLE}"
        ) from error


def _arrays(archive: ZipFile, file: IO[bytes]) -> dict[str, StoredArray]:
    members = archive.infolist()
    if len(members) > MOST_ARRAYS:
        raise UserError(f"the file holds {len(members):,} arrays; expected at most {MOST_ARRAYS}")
    arrays: dict[str, StoredArray] = {}
    for info in members:
        name = info.filename.removesuffix(".npy")
        if name in arrays:
            raise UserError(f"the file holds {name!r} twice; write it anew with {EXAMPLE}")
        with readable():
            header = _header(name, archive, info)
            _require_sizes(name, header, info, os.fstat(file.fileno()).st_size)
        arrays[name] = StoredArray(name, header, archive, file, info)
    return arrays


def _header(name: str, archive: ZipFile, info: ZipInfo) -> Header:
    # A header may claim to be of gigabytes, so no more than this is unpacked.
    with archive.open(info) as member:
        start = BytesIO(member.read(LONGEST_HEADER))
    if not start.getvalue().startswith(npy.MAGIC_PREFIX):
        raise UserError(f"{name!r} is not an array; write the file with {EXAMPLE}")
    with catch_warnings():
        simplefilter("ignore")  # of files that Python 2 wrote
        try:
            shape, fortran_order, dtype = HEADERS[npy.read_magic(start)](start)
        except MemoryError as error:  # of Python's parser, where a header is deeply nested
            raise ValueError("the header cannot be parsed") from error
    if dtype.hasobject:
        raise UserError(
            f"the array {name!r} holds Python objects, not numbers; save np.stack(…) of them"
        )
    if min(shape, default=0) < 0:
        raise ValueError("a length is negative")
    return Header(tuple(map(int, shape)), dtype, fortran_order, start.tell())


def _require_sizes(name: str, header: Header, info: ZipInfo, file_size: int) -> None:
    """The sizes of header, archive and file agree, and no more is to be unpacked than is bearable.

    Raises:
        UserError: they do not, or it is.
    """
    if header.end != info.file_size:
        raise UserError(
            f"{name!r} is damaged: by its header it has {header.end:,} bytes, by the archive "
            f"{info.file_size:,}; write the file with {EXAMPLE}"
        )
    if info.compress_type == ZIP_STORED:
        if info.compress_size != info.file_size or info.file_size > file_size:
            raise EOFError
    elif info.compress_type != ZIP_DEFLATED:
        raise UserError(f"{name!r} is compressed as NumPy does not; write the file with {EXAMPLE}")
    elif info.file_size > MOST_UNPACKED:
        raise UserError(
            f"{name!r} of {list(header.shape)} unpacks to {info.file_size:,} bytes; expected at "
            f"most {MOST_UNPACKED:,}: write the file by np.savez, which does not compress, or save "
            f"{name}.astype(np.float32)"
        )
