"""A run made of its parts, in a folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import UserError
from benchmarks.merge.part_folder import PartFolder
from benchmarks.merge.uniting import unite
from benchmarks.report import write_report
from benchmarks.run.figure_data.images import write_images
from benchmarks.run.folder.lock import held
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.measure import measure_all
from benchmarks.run.stages.predict import find_data
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import LOCK_FILE, MEASURE, REPORT


def merge(plan: Plan, workspace: Workspace, parts: Sequence[PartFolder]) -> None:
    """Unite the parts, and compute from their predictions what is of the whole run.

    Writes what the run would have written up to its stage `measure`, and the report.

    Raises:
        UserError: the parts have different content of one file, or a file is damaged.
        IntegrityError: an integrity probe failed.
    """
    with _new_folder(workspace.out) as folder:
        inside = replace(workspace, out=folder)
        try:
            record = RunRecord.merged(plan, folder, [one.record for one in parts])
            unite(plan, parts, folder)
            nouns_of(plan, metric_records()).write(folder)
            with record.timed(MEASURE):
                record.note_data(find_data(plan, inside))
                write_images(plan, inside, record.unavailable)
                measure_all(plan, inside, record)
            with record.timed(REPORT):
                write_report(folder)
        except UserError as error:
            # The folder is about to go: the file that is named came from a part.
            raise UserError(str(error).replace(str(folder), "PART")) from error


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder beside the path, renamed to it if the block succeeds; one left by a kill goes."""
    folder = path.with_name(f".{path.name}.merging")
    if folder.exists() and not (folder / LOCK_FILE).exists():
        raise UserError(f"{folder} is in the way, and of no merge; move it, or name another OUT")
    with held(folder):
        try:
            _empty(folder)
            yield folder
            folder.rename(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK_FILE:
            path.unlink()
