"""A unit of a run, as it is sent to a worker and done there."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed

from benchmarks.cluster.parcel import Changes, Files, changes, unpacked
from benchmarks.cluster.requirements import Requirements, require_fit
from benchmarks.errors import one_line
from benchmarks.run.workspace import Workspace

NOTHING = Changes({}, frozenset())


@dataclass(frozen=True)
class Unit:
    """What a worker is to do.

    Attributes:
        required: of the worker.
        work, workspace, item: see `Workspace.in_parallel`.
        files: those that the work reads, where no files are shared; else ``None``.
    """

    required: Requirements
    work: Callable[[Workspace, Any], Any]
    workspace: Workspace
    item: Any
    files: Files | None


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        worker: where it was done, by its address.
        result: of the work, if there was no error.
        changed: the files that it changed, where none are shared.
        error: what the work raised.
        trace: where it did.
    """

    worker: str
    result: Any = None
    changed: Changes = NOTHING
    error: Exception | None = None
    trace: str = ""


def do(sent: bytes) -> bytes:
    """Do a unit, called on a worker: from a pickled `Unit` to a pickled `Outcome`.

    By pickle alone, as joblib's processes are sent theirs: what is sent is found by its name.
    """
    worker = distributed.get_worker()
    try:
        unit: Unit = pickle.loads(sent)
        require_fit(unit.required)
        outcome = _done(unit, worker.address, Path(worker.local_directory))
        return pickle.dumps(outcome)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        return pickle.dumps(Outcome(worker.address, error=_sendable(error), trace=trace))


def _done(unit: Unit, worker: str, scratch: Path) -> Outcome:
    if unit.files is None:
        return Outcome(worker, unit.work(unit.workspace, unit.item))
    with unpacked(unit.files, unit.workspace, scratch) as there:
        result = unit.work(there, unit.item)
        return Outcome(worker, result, changes(unit.files, there))


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(one_line(error))
    return error
