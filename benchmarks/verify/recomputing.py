"""Every table of a run, computed again from its predictions."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.environment import suite_version
from benchmarks.errors import UserError
from benchmarks.files import link, write_json, written_whole
from benchmarks.report import write_report
from benchmarks.run.folder.checksums import not_as_listed, read_checksums
from benchmarks.run.folder.earlier_run import forget_finished
from benchmarks.run.folder.lock import held
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.measure import measure_all
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import path_of
from benchmarks.verify.recorded_run import RecordedRun
from benchmarks.verify.tables import Comparison, compared_tables
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CURVES_FOLDER,
    IMAGES_NPZ,
    LATENCY_CSV,
    MEASURE,
    PREDICTIONS_SHA256,
    PUBLISHED_JSON,
    REPORT,
    RUN_JSON,
    SCORE_LATENCY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
)

NOT_FROM_PREDICTIONS = (
    *(RUN_JSON, TRAINING_CSV, LATENCY_CSV, SCORE_LATENCY_CSV, IMAGES_NPZ),
    *(CLAIMS_JSON, PUBLISHED_JSON, PREDICTIONS_SHA256),
)
"""Files that other stages write and that tables are drawn from: taken as they are."""


def require_predictions(run: RecordedRun, folder: Path) -> None:
    """Stop where a folder does not hold the predictions that the results were computed from.

    Args:
        run: the results.
        folder: of the prediction files.

    Raises:
        UserError: one is missing or another one, or the run has no list of them.
    """
    if wrong := not_as_listed(folder, read_checksums(run.folder)):
        raise UserError(
            f"{len(wrong)} prediction files are missing in {folder}, or are not those of the run, "
            f"first: {wrong[0]}; name their folder with --predictions, or compute some numbers "
            "anew with --sample"
        )


def recompute(run: RecordedRun, predictions: Path, workspace: Workspace) -> list[Comparison]:
    """Compute the tables of a run again from its predictions, and compare each.

    Args:
        run: the results.
        predictions: the folder of the prediction files.
        workspace: where the tables are written.

    Raises:
        UserError: the workspace's folder holds another run.
        IntegrityError: an integrity probe failed.
    """
    with held(workspace.out):
        for path in _taken(run):
            target = workspace.out / path.relative_to(run.folder)
            with written_whole(target) as temporary:
                shutil.copyfile(path, temporary)
        for name in read_checksums(run.folder):
            _link_anew(predictions / name, workspace.predictions.folder / name)
        # The record here is this version's, which may be another than that of the run.
        write_json({**run.record, "version": suite_version()}, workspace.out / RUN_JSON)
        record = RunRecord.begin(run.plan, workspace)
        nouns_of(run.plan, metric_records()).write(workspace.out)
        with record.timed(MEASURE):
            measure_all(run.plan, workspace, record)
        with record.timed(REPORT):
            write_report(workspace.out, workspace.jobs)
        forget_finished(workspace.out)
    tables = sorted(filter(_is_recomputed, run.files))
    return [compared_tables(name, run.folder, workspace.out) for name in tables]


def _link_anew(source: Path, target: Path) -> None:
    """Link a file, in the place of what an interrupt may have left of it."""
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    link(source, target)


def _taken(run: RecordedRun) -> list[Path]:
    of_claims = (name for name in run.files if name.startswith(f"{CLAIMS_FOLDER}/"))
    paths = (path_of(run.folder, name) for name in (*NOT_FROM_PREDICTIONS, *of_claims))
    return list(filter(Path.is_file, paths))


def _is_recomputed(name: str) -> bool:
    if not name.endswith(".csv") or name in NOT_FROM_PREDICTIONS:
        return False
    return "/" not in name or name.startswith((f"{CURVES_FOLDER}/", f"{TABLES_FOLDER}/"))
