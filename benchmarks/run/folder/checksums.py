"""The checksums of a run's prediction files, as ``sha256sum --check`` reads them.

Predictions are too large to be published with results. The list says which ones these came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

from benchmarks.files import written_whole
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import own_file
from benchmarks.vocabulary import PREDICTIONS_SHA256


def prediction_files(plan: Plan, workspace: Workspace) -> Iterator[Path]:
    """The prediction files of the plan's run units that have been written."""
    for unit in plan.units():
        paths = (workspace.predictions.path(unit, one.name) for one in plan.predicted(unit))
        yield from filter(Path.exists, paths)


def write_checksums(plan: Plan, workspace: Workspace) -> None:
    """Write `predictions.sha256`: a line a prediction file, with its path in the run's folder."""
    out = workspace.out
    names = sorted(path.relative_to(out).as_posix() for path in prediction_files(plan, workspace))
    with written_whole(own_file(out, PREDICTIONS_SHA256)) as temporary:
        temporary.write_text(
            "".join(f"{checksum(out / name)}  {name}\n" for name in names), encoding="utf-8"
        )


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
