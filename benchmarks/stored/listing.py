"""The files that a run writes into its folder, as its `run.json` lists them.

A file is listed before it is written, so that no kill leaves one that nobody knows of: others are
the user's own, and stay. A file that a later stage or the report reads is sealed once its stage is
done: the list then has the beginning of its SHA-256, by which a change is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from types import NoneType
from typing import Any

from benchmarks.errors import UserError
from benchmarks.files import content_of, read_json, write_json
from benchmarks.stored.json_shape import NUMBER, misfit
from benchmarks.vocabulary import CLAIMS_FOLDER, CURVES_FOLDER, RUN_JSON

LISTED = "files"
"""The part of the record that lists files."""

RECORD: dict[str, Any] = {
    **{"version?": str, "configuration?": dict, "command?": str, "part?": str},
    **{"commit?": (str, NoneType), "environment?": {"libraries?": {...: (str, NoneType)}}},
    **{"replicates?": {...: int}, "seconds?": {...: NUMBER}, "parts?": [dict]},
    "machines?": {...: [str]},
    "data?": {...: {"fingerprint?": str, "images?": int, "unavailable?": str}},
    f"{LISTED}?": {...: str},
}
"""The shape of `run.json`."""


def read_run_json(folder: Path) -> dict[str, Any]:
    """The record of the run in a folder; empty where there is none.

    Raises:
        UserError: it is damaged.
    """
    path, remedy = folder / RUN_JSON, "restore it, or choose another folder with --out"
    record = read_json(path, remedy)
    if wrong := misfit(record, RECORD):
        raise UserError(f"{path} is damaged ({wrong}); {remedy}")
    return record


def own_file(folder: Path, *parts: str) -> Path:
    """The path of a file that is about to be written, listed in the record if there is one."""
    list_files(folder, ["/".join(parts)])
    return folder.joinpath(*parts)


def list_files(folder: Path, names: Iterable[str]) -> None:
    """List files, by their paths in the folder, before they are written.

    The record of an earlier version has no list, and gets none: it would not be complete.
    """
    record = read_run_json(folder)
    if LISTED in record:
        _write_list(folder, record, record[LISTED] | dict.fromkeys(names, ""))


def seal_files(folder: Path) -> None:
    """Note what the files are that were written since the last time."""
    record = read_run_json(folder)
    files: Mapping[str, str] = record.get(LISTED, {})
    written = {name for name, seal in files.items() if not seal and _is_read(name)}
    seals = {name: _seal(folder / name) for name in written if (folder / name).is_file()}
    if seals:
        _write_list(folder, record, {**files, **seals})


def path_of(folder: Path, name: str) -> Path:
    """Where a file of a run stands: gzipped, with ``.gz`` behind its name, if only so.

    >>> path_of(Path("nowhere"), "worth.csv").name
    'worth.csv'
    """
    path, zipped = folder / name, folder / f"{name}.gz"
    return zipped if zipped.is_file() and not path.is_file() else path


def require_as_written(folder: Path, name: str) -> None:
    """Stop where a file is no longer what the run wrote, which may have been gzipped since.

    Raises:
        UserError: it was changed, or is gone.
    """
    seal, path = read_run_json(folder).get(LISTED, {}).get(name), path_of(folder, name)
    if not seal:
        return
    if not path.is_file():
        raise UserError(f"{path} is missing; run again without --only: it is then written anew")
    if _seal(path) != seal:
        raise UserError(
            f"{path} is not as the run wrote it; delete it and run again without --only: it is "
            "then written anew"
        )


def _write_list(folder: Path, record: Mapping[str, Any], files: Mapping[str, str]) -> None:
    if files != record[LISTED]:
        write_json({**record, LISTED: dict(sorted(files.items()))}, folder / RUN_JSON)


def _is_read(name: str) -> bool:
    """Whether a file is read again, unlike what is drawn."""
    place, _, file = name.rpartition("/")
    return place in ("", CURVES_FOLDER, CLAIMS_FOLDER) and file.endswith((".csv", ".npz", ".json"))


def _seal(path: Path) -> str:
    try:
        content = content_of(path)
    except ValueError:
        return ""
    # The same where a checkout has changed the ends of lines.
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:16]
