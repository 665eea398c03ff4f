"""The checksums of a run's prediction files, as ``sha256sum --check`` reads them.

Predictions are too large to be published with results. The list says which ones these came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import file_digest
from pathlib import Path

from benchmarks.errors import UserError
from benchmarks.files import content_of, written_whole
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import own_file, path_of
from benchmarks.vocabulary import PREDICTIONS_FOLDER, PREDICTIONS_SHA256


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


def read_checksums(folder: Path) -> dict[str, str]:
    """The checksums of a run's prediction files, by their paths in its folder of predictions.

    Raises:
        UserError: there is no list of them, or it is damaged.
    """
    path = path_of(folder, PREDICTIONS_SHA256)
    if not path.is_file():
        raise UserError(f"{folder} has no {PREDICTIONS_SHA256}: its predictions are not known")
    try:
        lines = content_of(path).decode().splitlines()
        pairs = [line.split(f"  {PREDICTIONS_FOLDER}/", maxsplit=1) for line in lines]
        return {name: checksum for checksum, name in pairs}
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); restore it") from error


def not_as_listed(folder: Path, checksums: Mapping[str, str]) -> list[str]:
    """The listed files that a folder of predictions lacks, or has with another content."""
    return [name for name, expected in checksums.items() if _found(folder / name) != expected]


def _found(path: Path) -> str | None:
    return checksum(path) if path.is_file() else None


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
