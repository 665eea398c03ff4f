"""The files of all parts in one folder, as one run would have written them."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.merge.part_folder import PartFolder
from benchmarks.records import read_texts, write_table
from benchmarks.run.plan import Plan
from benchmarks.stored.listing import own_file
from benchmarks.stored.tables import read_run_table
from benchmarks.vocabulary import ERRORS_FOLDER, PREDICTIONS_FOLDER, TRAINING_CSV

SERIES = ["recipe", "network", "epoch", "split"]
"""The columns of the training log that name a row."""


def unite(plan: Plan, parts: Sequence[PartFolder], folder: Path) -> None:
    """Write the parts' predictions, errors and training logs into a folder.

    Raises:
        UserError: two parts have different predictions or logs of the same.
    """
    for one in parts:
        for path in _files(one.folder / PREDICTIONS_FOLDER):
            _unite_prediction(path, folder / path.relative_to(one.folder), one)
        for path in _files(one.folder / ERRORS_FOLDER):
            target = folder / path.relative_to(one.folder)
            if not target.exists():
                _link(path, target)
    _unite_logs(plan, parts, folder)


def _files(folder: Path) -> list[Path]:
    """Those of a folder and the folders in it, without what a killed run has left half-written."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _unite_prediction(path: Path, target: Path, one: PartFolder) -> None:
    if not target.exists():
        _link(path, target)
    elif not filecmp.cmp(path, target, shallow=False):
        name = path.relative_to(one.folder)
        raise UserError(
            f"{one} has another content of {name} than a part named before it; merge each part once"
        )


def _link(path: Path, target: Path) -> None:
    """The file under a second name, or a copy where the file system cannot do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


def _read_log(folder: Path) -> pd.DataFrame:
    read_run_table(folder, TRAINING_CSV)  # which refuses a damaged one
    return read_texts(folder / TRAINING_CSV)


def _unite_logs(plan: Plan, parts: Sequence[PartFolder], folder: Path) -> None:
    """The logs of all networks in the order of the plan, each once; their numbers as text."""
    logs = [_read_log(one.folder) for one in parts if (one.folder / TRAINING_CSV).exists()]
    if not logs:
        return
    log = pd.concat(logs, ignore_index=True).drop_duplicates()
    differing = log[log.duplicated(SERIES)]
    if len(differing):
        recipe, network = differing.iloc[0][["recipe", "network"]]
        raise UserError(
            f"the parts have trained network {network} of {recipe!r} differently; compute them on "
            "machines of one kind"
        )
    order = {network: position for position, network in enumerate(plan.networks())}
    networks = zip(log["recipe"], log["network"].astype(int), strict=True)
    positions = pd.Series([order[network] for network in networks], index=log.index)
    ordered = log.loc[positions.sort_values(kind="stable").index]
    write_table(ordered, own_file(folder, TRAINING_CSV))
