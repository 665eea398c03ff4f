"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import get_ident
from typing import Any

from benchmarks.errors import UserError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to ``path`` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(value: object, path: Path) -> None:
    """Write a value as indented JSON."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that `write_json` wrote; an empty one if there is no such file.

    Raises:
        UserError: the file holds something else.
    """
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}); remove it, or start again with --overwrite"
        ) from error


def or_none(value: float) -> float | None:
    """The number, or what JSON has instead of NaN."""
    return None if math.isnan(value) else float(value)


def writable_folder(option: str, path: Path) -> Path:
    """The folder that an option names, created if it does not exist.

    Raises:
        UserError: it is a file, or cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{option} {path}: this is a file; name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UserError(
            f"{option} {path}: the folder is not writable ({error.strerror}); name another"
        ) from error
