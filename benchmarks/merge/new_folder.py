"""A new folder that appears whole or not at all, whatever else is writing beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from filelock import FileLock

from benchmarks.errors import UserError

LOCK = ".lock"
"""A file in an unfinished folder, locked while the process lives that writes the folder."""


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside the path, renamed to it if the block succeeds.

    Unfinished ones that a kill has left behind are removed.

    Raises:
        UserError: something has appeared at the path meanwhile.
    """
    beginning = f".{path.name}.merging-"
    for left in path.parent.glob(f"{escape(beginning)}*"):
        _remove_if_left(left)
    folder = path.with_name(f"{beginning}{os.getpid()}-{token_hex(4)}")
    folder.mkdir(parents=True)
    try:
        with FileLock(folder / LOCK):
            yield folder
            _rename(folder, path)
            (path / LOCK).unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    """Remove an unfinished folder unless the process that writes it lives."""
    # A folder without a lock is just being made, or renamed.
    if (folder / LOCK).is_file():
        with suppress(OSError), FileLock(folder / LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)


def _rename(folder: Path, path: Path) -> None:
    try:
        folder.rename(path)
    except OSError as error:
        if not path.exists():
            raise
        raise UserError(
            f"{path} has appeared while the parts were merged; name a new folder for the merged run"
        ) from error
