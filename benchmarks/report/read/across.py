"""Read what holds across runs of several tasks and networks, for the page of each and README."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.io import UserError, content_of, path_of, read_json
from benchmarks.vocabulary import ACROSS_FOLDER, ACROSS_JSON, SUMMARY_CSV

_REMEDY = "run python -m benchmarks.across again"


def fingerprints(runs: Iterable[Path]) -> list[str]:
    """SHA-256 of each run's summary, by which its page knows that it is one of those compared."""
    return [sha256(content_of(path_of(run, SUMMARY_CSV))).hexdigest() for run in runs]


def summary_across(folder: Path) -> str:
    """The summary in a folder that ``python -m benchmarks.across`` wrote.

    Raises:
        UserError: there is none, or it is damaged.
    """
    return str(_read(folder)["summary"])


def summary_beside(run: Path) -> str:
    """That of the folder ``across`` beside a run's, if it compares this run; empty otherwise."""
    folder = run.resolve().parent / ACROSS_FOLDER
    try:
        content = _read(folder)
    except UserError:  # not a file of this run
        return ""
    return str(content["summary"]) if fingerprints([run])[0] in content["runs"] else ""


def _read(folder: Path) -> dict[str, Any]:
    path = folder / ACROSS_JSON
    if not path.is_file():
        raise UserError(f"there is no {path}; {_REMEDY}")
    return read_json(path, _REMEDY)
