"""Standard output and error: never a reason to fail in the middle of a run."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def tolerate_encodings() -> None:
    """Replace characters that an output cannot encode; a closed output takes everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def lost_output() -> OSError | None:
    """Why the standard output takes nothing: a full disk, or a closed pipe; ``None`` if it does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def give_up_output() -> None:
    """Drop what could not be written, so that nobody tries again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
