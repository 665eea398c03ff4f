"""The run that a folder holds from earlier: its record, and which files are its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.errors import UserError
from benchmarks.files import half_written
from benchmarks.nouns import FILES
from benchmarks.predictions import PredictionStore
from benchmarks.stored.json_shape import misfit
from benchmarks.stored.listing import LISTED, path_of, read_run_json
from benchmarks.vocabulary import (
    ANSWER_JSON,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    ERRORS_FOLDER,
    FIGURES_FOLDER,
    FINISHED_FOLDER,
    IMAGES_NPZ,
    INDEX_HTML,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    PREDICTIONS_FOLDER,
    PREDICTIONS_SHA256,
    PUBLISHED_JSON,
    PUBLISHED_MD,
    RUN_JSON,
    SCORE_COMPARISONS_CSV,
    SCORE_LATENCY_CSV,
    SCORE_WORTH_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
    WORTH_CSV,
)

ALONE = (
    *FILES,
    *(TRAINING_CSV, MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, WORTH_CSV, LATENCY_CSV),
    *(SCORE_COMPARISONS_CSV, SCORE_WORTH_CSV, SCORE_LATENCY_CSV),
    *(IMAGES_NPZ, CLAIMS_JSON, CLAIMS_MD, PUBLISHED_JSON, PUBLISHED_MD, INDEX_HTML),
    *(PREDICTIONS_SHA256, ANSWER_JSON),
)
"""The files that a run writes beside its record."""

IN_FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER, CLAIMS_FOLDER)
"""The folders of whose files the record has a list."""

BY_NAME = (PREDICTIONS_FOLDER, ERRORS_FOLDER)
"""The folders whose files are known by their names, which workers write."""

_OF_FINISHED = re.compile(r"[0-9a-f]{64}")
"""A file in `FINISHED_FOLDER`."""

_OF_UNIT = re.compile(
    rf"{PREDICTIONS_FOLDER}/[^/]+/[^/]+/replicate-\d{{2,}}/[^/]+\.npz"
    rf"|{ERRORS_FOLDER}/[^/]+-replicate-\d{{2,}}\.txt"
)


def read_record(out: Path) -> dict[str, Any]:
    """The record of an earlier run in the folder; empty where there is none.

    Raises:
        UserError: it is damaged, or lacks although something stands there that a run would write.
    """
    if not (out / RUN_JSON).exists():
        left = [name for name in (*ALONE, *IN_FOLDERS, *BY_NAME) if path_of(out, name).exists()]
        if left:
            raise UserError(
                f"{out} holds {left[0]}, which a run would write, but no {RUN_JSON} of a run; move "
                "it away, or choose another folder with --out"
            )
        return {}
    record = read_run_json(out)
    if wrong := misfit(record, {"version": str, "configuration": dict}):
        raise UserError(
            f"{out / RUN_JSON} is no record of a run ({wrong}); move it away, or choose another "
            "folder with --out"
        )
    return record


def remove_earlier_run(out: Path) -> None:
    """Remove the files of the run in the folder, and the folders that are then empty.

    Its record stays until another one replaces it, so that a kill loses no list. What lies behind a
    link in place of one of its folders is not the run's.

    Raises:
        UserError: what the folder holds is no run, or the run's files are not known.
    """
    record = read_record(out)
    if not record:
        return
    if LISTED not in record:
        raise UserError(
            f"--overwrite: the run in {out} is of an earlier version, which did not list its "
            "files; delete them yourself, or choose another folder with --out"
        )
    emptied = set()
    for path in _own_files(out, record[LISTED]):
        if _is_behind_a_link(path, out):
            continue
        path.unlink()
        emptied |= {folder for folder in path.parents if out in folder.parents}
    for folder in sorted(emptied, reverse=True):  # the inner ones first
        if not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    forget_finished(out)


def forget_finished(out: Path) -> None:
    """Remove the results that `OnceOnly` has kept, and their folder if it is then empty."""
    folder = out / FINISHED_FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return
    targets = dict(half_written(folder))
    for path in folder.iterdir():
        if _OF_FINISHED.fullmatch(targets.get(path, path).name):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def remove_half_written(out: Path) -> None:
    """Remove temporary files that killed runs left of files of their own."""
    listed = read_run_json(out).get(LISTED, {})
    inner = (path for name in BY_NAME for path in (out / name).rglob("*") if path.is_dir())
    for folder in (out, *(out / name for name in (*IN_FOLDERS, *BY_NAME)), *inner):
        for temporary, path in list(half_written(folder)):
            name = path.relative_to(out).as_posix()
            if name == RUN_JSON or name in listed or _OF_UNIT.fullmatch(name):
                temporary.unlink(missing_ok=True)


def _own_files(out: Path, listed: Mapping[str, str]) -> Iterator[Path]:
    """The files of the run that there are."""
    for name in listed:
        if not _may_be_listed(name):
            raise UserError(
                f"{out / RUN_JSON} is damaged: it lists {name!r}, which no run writes; restore it, "
                "or choose another folder with --out"
            )
    store = PredictionStore(out / PREDICTIONS_FOLDER)
    for path in (path_of(out, name) for name in listed):
        if path.is_file() or path.is_symlink():
            yield path
    for path in [path for name in BY_NAME for path in (out / name).rglob("*")]:
        named = path.is_file() and _OF_UNIT.fullmatch(path.relative_to(out).as_posix())
        if named and (path.suffix == ".txt" or store.wrote(path)):
            yield path


def _is_behind_a_link(path: Path, out: Path) -> bool:
    return any(folder.is_symlink() for folder in path.parents if out in folder.parents)


def _may_be_listed(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    if not folder:
        return name in ALONE
    return folder in IN_FOLDERS and "\\" not in file and file not in ("", ".", "..")
