"""What a stage has finished, kept in the run's folder until the run ends.

So an interrupt costs only what was being computed. A result counts for the same code,
configuration, libraries, processor and prediction files alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from benchmarks.environment import environment
from benchmarks.files import written_whole
from benchmarks.inference.comparison.comparisons import Estimates
from benchmarks.inference.comparison.rows import Comparison, WorthRow
from benchmarks.records import Interval, Measurement
from benchmarks.run.failure import error_path, failure_reason
from benchmarks.run.folder.checksums import checksum, prediction_files
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import FINISHED_FOLDER

KEPT: dict[str, type[Any]] = {
    one.__name__: one for one in (Measurement, Interval, Comparison, WorthRow, Estimates)
}
"""What results are made of, beside plain values."""

LATER = ("claims", "latency", "report")
"""Packages of later stages, on which no result of `measure` depends."""

PACKAGES = Path(__file__).parents[2]
"""Where the suite's packages are."""


class Named(Protocol):
    """An item of work."""

    @property
    def name(self) -> str:
        """What no other item of its kind is called."""


@dataclass(frozen=True)
class OnceOnly:
    """Work whose results are kept, and read when it is asked for again.

    Args:
        work: called with a workspace and an item; what it returns is made of `KEPT`.
        kind: what the items are.
        key: of all that decides the results beside the item and the code; see `key_of`.
    """

    work: Callable[[Workspace, Any], Any]
    kind: str
    key: str

    def __call__(self, workspace: Workspace, item: Named) -> Any:
        """The result, computed or read; a file that is damaged or another's counts for nothing."""
        identity = "\n".join((CODE, self.key, self.kind, item.name))
        path = workspace.out / FINISHED_FOLDER / _hash(identity)
        if path.is_file():
            seal, _, text = path.read_bytes().partition(b"\n")
            if seal == _seal(identity, text):
                return from_plain(json.loads(text))
        result = self.work(workspace, item)
        text = json.dumps(as_plain(result)).encode()
        with written_whole(path) as temporary:
            temporary.write_bytes(_seal(identity, text) + b"\n" + text)
        return result


def key_of(plan: Plan, workspace: Workspace, left_out: Iterable[str]) -> str:
    """A hash of the configuration, the environment, the prediction files, and why some lack.

    Args:
        left_out: the names of conditions that are not measured.
    """
    out = workspace.out
    paths = prediction_files(plan, workspace)
    files = {path.relative_to(out).as_posix(): checksum(path) for path in paths}
    failed = [unit for unit in plan.units() if error_path(out, unit).exists()]
    reasons = {unit.name: failure_reason(workspace, unit) for unit in failed}
    decides = [plan.configuration.identity, environment(plan.engine), files, reasons]
    return _hash(json.dumps([*decides, sorted(left_out)], sort_keys=True))


def as_plain(value: Any) -> Any:
    """The value as JSON has it; an object becomes its name and fields.

    >>> as_plain([Interval(0.5)])
    [{'Interval': [0.5, '', '']}]
    """
    name = type(value).__name__
    if name in KEPT:
        return {name: [as_plain(getattr(value, field)) for field in _fields(type(value))]}
    if isinstance(value, dict):
        return {"dict": [[as_plain(key), as_plain(one)] for key, one in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [as_plain(one) for one in value]}
    return [as_plain(one) for one in value] if isinstance(value, list) else value


def from_plain(plain: Any) -> Any:
    """The value again.

    >>> from_plain(as_plain({("a", 1): Interval(0.5)}))
    {('a', 1): Interval(half_width=0.5, reason='', note='')}
    """
    if isinstance(plain, list):
        return [from_plain(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    ((name, parts),) = plain.items()
    values = from_plain(parts)
    if name in KEPT:
        kind = KEPT[name]
        return kind(**dict(zip(_fields(kind), values, strict=True)))
    return dict(values) if name == "dict" else tuple(values)


def _fields(kind: Any) -> list[str]:
    """Of a dataclass or a named tuple."""
    return [field.name for field in fields(kind)] if is_dataclass(kind) else [*kind._fields]


def _seal(identity: str, text: bytes) -> bytes:
    return sha256(identity.encode() + text).hexdigest().encode()


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _hash_of_code() -> str:
    """Of every module that a result may depend on, and where it is."""
    paths = {
        path.relative_to(PACKAGES).as_posix(): path
        for package in ("benchmarks", "methods")
        for path in (PACKAGES / package).rglob("*.py")
    }
    later = tuple(f"benchmarks/{name}/" for name in LATER)
    decides = {name: checksum(paths[name]) for name in sorted(paths) if not name.startswith(later)}
    return _hash(json.dumps(decides))


CODE = _hash_of_code()
"""Of the code as it was imported, or nearly: it may be edited while a run goes on."""
