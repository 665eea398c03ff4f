"""Read what holds across runs of several tasks and networks, for the page of each and README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.errors import UserError
from benchmarks.files import read_json
from benchmarks.stored.json_shape import misfit
from benchmarks.vocabulary import ACROSS_FOLDER, ACROSS_JSON

_SHAPE = {"runs?": [str], "summary?": str}
_REMEDY = "run python -m benchmarks.across again"


def summary_across(folder: Path) -> str:
    """The summary in a folder that ``python -m benchmarks.across`` wrote; empty: none.

    Raises:
        UserError: it is damaged.
    """
    return str(_read(folder).get("summary", ""))


def summary_beside(run: Path) -> str:
    """That of the folder ``across`` beside a run's, if the run is one of those compared."""
    run = run.resolve()
    folder = run.parent / ACROSS_FOLDER
    return summary_across(folder) if run.name in _read(folder).get("runs", []) else ""


def _read(folder: Path) -> dict[str, Any]:
    path = folder / ACROSS_JSON
    content = read_json(path, _REMEDY)
    if wrong := misfit(content, _SHAPE):
        raise UserError(f"{path} is damaged ({wrong}); {_REMEDY}")
    return content
