"""What a stage has finished, kept in the run's folder until the run ends.

So an interrupt costs only what was being computed. What is kept counts for the same code, the same
configuration and the same prediction files alone.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from benchmarks.files import written_whole
from benchmarks.inference.comparison.comparisons import Estimates
from benchmarks.inference.comparison.rows import Comparison, WorthRow
from benchmarks.records import Interval, Measurement
from benchmarks.run.folder.earlier_run import BY_NAME
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import FINISHED_FOLDER

KEPT = (Measurement, Interval, Comparison, WorthRow, Estimates)
"""What results are made of, beside plain values; nothing else is read, whoever wrote the file."""

CODE = Path(__file__).parents[2]


class Named(Protocol):
    """An item of work, whose name no other has."""

    @property
    def name(self) -> str:
        """Of the item."""


@dataclass(frozen=True)
class OnceOnly:
    """Work whose results are kept, and read when it is asked for again.

    Args:
        work: called with a workspace and an item; what it returns is made of `KEPT`.
        kind: what the items are.
        key: a hash of all that decides the results beside the item; see `key_of`.
    """

    work: Callable[[Workspace, Any], Any]
    kind: str
    key: str

    def __call__(self, workspace: Workspace, item: Named) -> Any:
        """The result, computed or read; a damaged file counts for nothing."""
        identity = "\n".join((self.key, self.kind, item.name))
        path = workspace.out / FINISHED_FOLDER / sha256(identity.encode()).hexdigest()
        with suppress(Exception):  # as many kinds as there are ways to be damaged
            return _OfKept(io.BytesIO(path.read_bytes())).load()
        result = self.work(workspace, item)
        with written_whole(path) as temporary:
            temporary.write_bytes(pickle.dumps(result))
        return result


def key_of(plan: Plan, workspace: Workspace, left_out: Iterable[str]) -> str:
    """A hash of the suite's code, the configuration, and the files that are measured, as they are.

    Args:
        left_out: the names of conditions that are not measured.
    """
    files = {
        path.relative_to(workspace.out).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for name in BY_NAME
        for path in (workspace.out / name).rglob("*.*")
    }
    identity = plan.configuration.identity
    decides = [_hash_of_code(), identity, str(plan.part), sorted(left_out), sorted(files.items())]
    return sha256(json.dumps(decides).encode()).hexdigest()


class _OfKept(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        for one in KEPT:
            if (one.__module__, one.__qualname__) == (module, name):
                return one
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a result")


@cache
def _hash_of_code() -> str:
    found = sha256()
    for package in ("benchmarks", "methods"):
        for path in sorted((CODE / package).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
