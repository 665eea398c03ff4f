"""Files that appear whole or not at all, and folders that options name."""

from __future__ import annotations

import errno
import gzip
import json
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import get_ident
from typing import Any

from benchmarks.errors import UserError
from benchmarks.vocabulary import RUN_JSON

HALF_WRITTEN = ".*.[0-9]*.[0-9]*.part"
"""How `written_whole` calls a file before it is whole."""


class NotWrittenError(OSError):
    """A file could not be written: a fault of the disk or of its folder, of nothing else."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to ``path`` if the block succeeds.

    Raises:
        NotWrittenError: the disk is full, for example; the message names ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        number, why = error.errno or errno.EIO, error.strerror or str(error)
        raise NotWrittenError(number, why, str(path)) from error
    finally:
        with suppress(OSError):  # where the folder cannot be written, nothing was
            temporary.unlink()


def write_json(value: object, path: Path) -> None:
    """Write a value as indented JSON."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path, remedy: str = "delete it and run again") -> dict[str, Any]:
    """Read an object that `write_json` wrote; an empty one if there is no such file.

    Args:
        remedy: what a user is to do where the file holds something else.

    Raises:
        UserError: it does.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it holds no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error
    return content


def read_run_json(folder: Path) -> dict[str, Any]:
    """The record of the run in a folder; empty where there is none.

    Raises:
        UserError: it is damaged.
    """
    return read_json(folder / RUN_JSON, "restore it, or choose another folder with --out")


def or_none(value: float) -> float | None:
    """The number, or what JSON has instead of NaN."""
    return None if math.isnan(value) else float(value)


def existing_folder(option: str, path: Path) -> Path:
    """The folder that an option names, created if it does not exist; it may be a read-only one.

    Raises:
        UserError: it is a file, or cannot be created.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{option} {path}: this is a file; name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{option} {path}: the folder cannot be created ({error.strerror}); name another"
        ) from error
    return path


def writable_folder(option: str, path: Path) -> Path:
    """The folder that an option names, created if it does not exist.

    Raises:
        UserError: it is a file, or cannot be written.
    """
    existing_folder(option, path)
    try:
        with TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UserError(
            f"{option} {path}: the folder is not writable ({error.strerror}); name another"
        ) from error


def path_of(folder: Path, name: str) -> Path:
    """Where a file of a run stands: gzipped, with ``.gz`` behind its name, if only so.

    >>> path_of(Path("nowhere"), "worth.csv").name
    'worth.csv'
    """
    path, zipped = folder / name, folder / f"{name}.gz"
    return zipped if zipped.is_file() and not path.is_file() else path


def content_of(path: Path) -> bytes:
    """The bytes of a file, decompressed if its name ends in ``.gz``.

    Raises:
        ValueError: it is not gzipped, or not whole.
    """
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is not gzipped, or not whole: {error}") from error
