"""A run's folder while it is written: by one run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.errors import UserError
from benchmarks.files import writable_folder
from benchmarks.vocabulary import LOCK_FILE


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder, for this run alone, created if it does not exist.

    However the process ends, the system then releases the lock; its file stays.

    Raises:
        UserError: another run writes there, or nobody can.
    """
    writable_folder("--out", folder)
    try:
        lock = FileLock(folder / LOCK_FILE).acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another run is writing to {folder}; wait until it has ended, or choose another "
            "folder with --out"
        ) from error
    with lock:
        yield
