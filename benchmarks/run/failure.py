"""What failed in a stage, and the files that record it."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import NamedTuple

from benchmarks.io import one_line, written_whole
from benchmarks.predictions import RunUnit
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import ERRORS_FOLDER

FOLDERS = re.compile(
    r"""(?<=['"])(?:[A-Za-z]:|~\w*|\.\.?)?[/\\][^'"\n]*[/\\]"""
    r"""|(?<![\w.~:/\\])(?:[A-Za-z]:|~\w*|\.\.?)?[/\\]+(?:[^\s'"/\\]+[/\\])+"""
)
"""The folders of a path, which in quotation marks may have spaces; a web address has none."""


class Failure(NamedTuple):
    """What failed, and why in one line."""

    what: str
    reason: str


def note_failure(workspace: Workspace, unit: RunUnit, error: BaseException) -> Failure:
    """Write the error with its trace to the unit's file; absolute paths lose their folders."""
    reason = reason_of(error)
    trace = without_folders("".join(traceback.format_exception(error)))
    with written_whole(error_path(workspace.out, unit)) as temporary:
        # Names of files may hold what is no character.
        temporary.write_text(f"{reason}\n\n{trace}", encoding="utf-8", errors="replace")
    return Failure(unit.name, reason)


def reason_of(error: BaseException) -> str:
    """The error in one line; absolute paths lose their folders."""
    return without_folders(one_line(error))


def failure_reason(workspace: Workspace, unit: RunUnit) -> str:
    """Why the unit has no prediction, in one line."""
    path = error_path(workspace.out, unit)
    return read_reason(path) if path.exists() else "not predicted yet"


def read_reason(path: Path) -> str:
    """Why a unit failed, in one line, from the file of its error."""
    return path.read_text(encoding="utf-8").splitlines()[0]


def error_path(out: Path, unit: RunUnit) -> Path:
    """The file of the unit's error in a run's folder, whether there is one or not."""
    return out / ERRORS_FOLDER / f"{unit.name.replace('/', '-')}.txt"


def without_folders(text: str) -> str:
    """The text with paths cut down to their file names: folders are private.

    >>> without_folders("No such file: '/home/me/my data/x.npy'")
    "No such file: 'x.npy'"
    >>> without_folders("see ../secret/x.npy, C:\\\\Users\\\\me\\\\y.npy or https://a.org/b/z.npy")
    'see x.npy, y.npy or https://a.org/b/z.npy'
    """
    home = os.path.expanduser("~")  # noqa: PTH111 (there may be none)
    return FOLDERS.sub("", text.replace(home, "~") if len(home) > 1 else text)
