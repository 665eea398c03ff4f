"""The folder of the site: which may be replaced, and how it appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import UserError
from benchmarks.files import writable_folder
from benchmarks.site.runs import Run

MARK = ".uncertainty-bench-site"
"""An empty file by which a site is known that this command made."""


def require_replaceable(out: Path, runs: Iterable[Run]) -> None:
    """That the folder can be written, and nothing is lost by that.

    Raises:
        UserError: it is a file, holds something else than a site, or lies in a run's folder.
    """
    for run in runs:
        if out.resolve().is_relative_to(run.folder.resolve()):
            raise UserError(
                f"--out {out}: this is in the folder of the run {run.name}; name another"
            )
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise UserError(
            f"--out {out}: the folder holds something else than a site; name another, or empty it"
        )
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: this is a file; name a folder")
    writable_folder("--out", out.parent)


@contextmanager
def made_whole(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out``, which takes its place if the block succeeds."""
    target = out.resolve()
    folder, earlier = (
        target.with_name(f".{target.name}.{os.getpid()}.{what}") for what in ("new", "earlier")
    )
    folder.mkdir()
    try:
        yield folder
        (folder / MARK).touch()
        if target.exists():
            target.rename(earlier)
        folder.rename(target)
    finally:
        for left in (folder, earlier):
            shutil.rmtree(left, ignore_errors=True)
