"""What the stage `measure` has finished, kept in the run's folder until it ends.

So a kill costs only what was being computed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from benchmarks.io import UserError, read_json, write_json
from benchmarks.run.workspace import Workspace
from benchmarks.schema import write_table
from benchmarks.vocabulary import FINISHED_FOLDER

Named = tuple[str, Any]
"""An item of work, after a name that no other has."""


@dataclass(frozen=True)
class OnceOnly:
    """Work whose tables are kept, and not computed again where they are there.

    Args:
        work: from a workspace and an item to tables by their names.
    """

    work: Callable[[Workspace, Any], Mapping[str, pd.DataFrame]]

    def __call__(self, workspace: Workspace, named: Named) -> Path:
        """The folder of the item's tables, which appears whole or not at all."""
        name, item = named
        folder = workspace.out / FINISHED_FOLDER / name
        if not folder.exists():
            # Workers of a cluster may do the same at the same time.
            part = folder.with_name(f".{name}-{uuid4().hex}")
            for table, rows in self.work(workspace, item).items():
                write_table(rows, part, f"{table}.csv")
            try:
                part.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
                shutil.rmtree(part)
        return folder


def keep_finished(out: Path, decided_by: Mapping[str, Any]) -> None:
    """Forget what was finished where something else decided it, such as other code.

    Args:
        decided_by: all that decides the results beside the configuration and the predictions; its
            ``commit`` may say that the code was modified, nobody knows how.
    """
    path = out / FINISHED_FOLDER / "decided_by.json"
    try:
        known = read_json(path)
    except UserError:
        known = {}
    if known != decided_by or str(decided_by["commit"]).endswith("modified"):
        forget_finished(out)
        write_json(decided_by, path)


def forget_finished(out: Path) -> None:
    """Remove what was finished."""
    if (out / FINISHED_FOLDER).exists():
        shutil.rmtree(out / FINISHED_FOLDER)
