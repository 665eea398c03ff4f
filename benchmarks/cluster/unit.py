"""A unit of a run, as it is sent to a worker and done there."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import distributed

from benchmarks.cluster.requirements import Requirements, require_fit
from benchmarks.errors import one_line
from benchmarks.run.workspace import Workspace


@dataclass(frozen=True)
class Unit:
    """What a worker is to do.

    Attributes:
        required: of the worker.
        work, workspace, item: see `Workspace.in_parallel`.
    """

    required: Requirements
    work: Callable[[Workspace, Any], Any]
    workspace: Workspace
    item: Any


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        worker: where it was done, by its address.
        result: of the work, if there was no error.
        error: what the work raised.
        trace: where it did.
    """

    worker: str
    result: Any = None
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
        result = unit.work(unit.workspace, unit.item)
        return pickle.dumps(Outcome(worker.address, result))
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        return pickle.dumps(Outcome(worker.address, error=_sendable(error), trace=trace))


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(one_line(error))
    return error
