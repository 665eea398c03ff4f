"""A run's folder of results, with the plan that its record describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.errors import UserError
from benchmarks.records import read_table
from benchmarks.run.finished_work import CODE
from benchmarks.run.folder.earlier_run import read_record
from benchmarks.run.folder.recorded import recorded_configuration, require_of_today
from benchmarks.run.plan import Plan
from benchmarks.stored.listing import LISTED, path_of, require_as_written
from benchmarks.vocabulary import MEASUREMENTS_CSV, RUN_JSON


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """The results of a run that can be computed again.

    Attributes:
        folder: where they are.
        record: the content of its ``run.json``.
        plan: what was computed.
    """

    folder: Path
    record: Mapping[str, Any]
    plan: Plan

    @classmethod
    def read(cls, folder: Path, methods: Sequence[str] = ()) -> RecordedRun:
        """The run in a folder.

        Args:
            folder: where its results are; its predictions may be elsewhere.
            methods: where its custom methods are, ``path/to/file.py:Class``.

        Raises:
            UserError: there is no finished run, or this code or machine cannot compute it again.
        """
        if not (folder / RUN_JSON).is_file():
            raise UserError(
                f"{folder} holds no run: there is no {RUN_JSON}; name a folder that run_all.py has "
                "written"
            )
        record = read_record(folder)
        if "part" in record:
            raise UserError(f"{folder} holds part {record['part']} of a run; merge its parts first")
        if LISTED not in record or not path_of(folder, MEASUREMENTS_CSV).is_file():
            raise UserError(f"the run in {folder} is not finished; {record.get('command')} ends it")
        require_of_today(record, f"the run in {folder}", "verify it with the {} that computed it")
        require_as_written(folder, MEASUREMENTS_CSV)
        configuration = recorded_configuration(record, methods)
        if configuration.device == "cuda" and not torch.cuda.is_available():
            raise UserError(f"the run in {folder} was computed on a GPU; torch finds none here")
        return cls(folder, record, Plan(configuration))

    @property
    def files(self) -> list[str]:
        """The files that the run has written, by their paths in its folder."""
        return list(self.record[LISTED])

    def folder_in(self, out: Path) -> Path:
        """Where these results are computed again by this code, and nothing else ever was."""
        of_both = CODE.encode() + (self.folder / RUN_JSON).read_bytes()
        return out / f"{self.folder.resolve().name}-{sha256(of_both).hexdigest()[:8]}"

    def measurements(self) -> pd.DataFrame:
        """Every number of every replicate."""
        return read_table(path_of(self.folder, MEASUREMENTS_CSV))
