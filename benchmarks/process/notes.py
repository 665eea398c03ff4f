"""What each process is doing, noted where it may end without a word: in a custom method's code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "UNCERTAINTY_BENCH_NOTES"
"""The environment variable that names the folder of notes, a file a process; workers inherit it."""


@contextmanager
def noted(what: str) -> Iterator[None]:
    """While the block runs, there is a note of what this process is doing."""
    if (folder := os.environ.get(FOLDER)) is None:
        yield
        return
    path = Path(folder, str(os.getpid()))
    # A note is not worth a failure: the disk may be full.
    with suppress(OSError):
        path.write_text(what, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def being_done() -> str:
    """What processes are doing, or were when they ended; empty where nothing is noted."""
    folder = os.environ.get(FOLDER)
    return " and ".join(sorted(_notes(Path(folder)))) if folder else ""


def _notes(folder: Path) -> set[str]:
    with suppress(OSError):
        return {path.read_text(encoding="utf-8") for path in folder.iterdir()}
    return set()
