"""The folder that a run writes: by one run at a time, and nothing removed but its own files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchmarks.io import HALF_WRITTEN, UserError, read_run_json, writable_folder
from benchmarks.vocabulary import LOCK_FILE, RUN_JSON


def read_record(out: Path) -> dict[str, Any]:
    """The record of an earlier run in the folder; empty where the folder is, or is not there.

    Raises:
        UserError: the folder holds something else, or the record is damaged.
    """
    record = read_run_json(out)
    configuration = record.get("configuration")
    if {"version", "command"} <= record.keys() and isinstance(configuration, dict):
        return record
    if (out / RUN_JSON).exists():
        raise UserError(
            f"{out / RUN_JSON} is no record of a run; move it away, or choose another folder with "
            "--out"
        )
    for path in out.iterdir() if out.is_dir() else ():
        if path.name != LOCK_FILE and not path.match(HALF_WRITTEN):
            raise UserError(
                f"{out} holds {path.name} and no {RUN_JSON} of a run; choose another folder with "
                "--out, or an empty one"
            )
    return {}


def remove_earlier_run(out: Path) -> None:
    """Remove all that the folder of a run holds; a link goes, what it stands for does not.

    The record stays until another one replaces it, so that after a kill the folder is still known
    as that of a run; and so does the lock.
    """
    for path in out.iterdir():
        if path.name in (RUN_JSON, LOCK_FILE):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove_half_written(out: Path) -> None:
    """Remove temporary files that killed runs left."""
    for path in out.rglob(HALF_WRITTEN):
        path.unlink(missing_ok=True)


def require_apart(out: Path, **others: Path | None) -> None:
    """Stop where what an option names lies in the folder of the run, which ``--overwrite`` removes.

    Args:
        out: of the run.
        others: files and folders by the names of their options.

    Raises:
        UserError: it does, or the folder is none of a run.
    """
    read_record(out)
    for name, folder in others.items():
        if folder is not None and _real(folder).is_relative_to(_real(out)):
            option = f"--{name.replace('_', '-')}"
            raise UserError(
                f"{option} {folder}: this lies in the folder of the run, --out {out}, which "
                "--overwrite removes; name another"
            )


def _real(path: Path) -> Path:
    """Without links, where they do not lead in a circle."""
    return Path(os.path.realpath(path))


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
