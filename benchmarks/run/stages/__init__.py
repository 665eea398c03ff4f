"""The stages of a run, each resumable, each reading only what the ones before it wrote."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.errors import UserError
from benchmarks.report import require_results, write_report
from benchmarks.run.failure import Failure
from benchmarks.run.finished_work import forget_finished
from benchmarks.run.fitting import compile_once
from benchmarks.run.folder import held, read_record, remove_half_written
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord, earlier_record
from benchmarks.run.shards import DIVIDED
from benchmarks.run.stages.measure import measure_all
from benchmarks.run.stages.predict import predict
from benchmarks.run.stages.train import train
from benchmarks.run.stages.training_log import join_logs
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import CLAIMS, LATENCY, MEASURE, PREDICT, REPORT, TRAIN
from methods.networks.training import TrainingDivergedError


def run_stages(
    plan: Plan, workspace: Workspace, only: str | None = None, *, overwrite: bool = False
) -> list[Failure]:
    """Run all stages, or only one, and return what failed; everything else is then on disk.

    Of a shard, these are the stages of `DIVIDED`.

    Raises:
        UserError: the output folder holds something else than this run, or is being written by
            another; data are damaged, or there is nothing to measure or to draw.
        NotWrittenError: a file cannot be written; so with `NotStoredError` of a network.
    """
    _require_usable(plan, workspace, only, overwrite=overwrite)
    with held(workspace.out):
        remove_half_written(workspace.out)
        if only == REPORT:
            write_report(workspace.out, workspace.jobs)
            return []
        workspace.store.remove_half_written()
        return _run_stages(plan, workspace, only, overwrite=overwrite)


def _require_usable(plan: Plan, workspace: Workspace, only: str | None, *, overwrite: bool) -> None:
    """Refuse a folder before anything is written there."""
    out = workspace.out
    if only == REPORT and not overwrite:  # of any run
        read_record(out)
        require_results(out)
        return
    earlier_record(plan, out, overwrite=overwrite, only=only)
    if only == MEASURE and not workspace.predictions.folder.exists():
        raise UserError(f"there are no predictions in {out} yet; run without --only first")


def _run_stages(
    plan: Plan, workspace: Workspace, only: str | None, *, overwrite: bool
) -> list[Failure]:
    record = RunRecord.begin(plan, workspace, overwrite=overwrite)
    nouns_of(plan, metric_records()).write(workspace.out)
    if plan.configuration.engine == "numba":
        compile_once()
    if plan.shard is None:
        join_logs(plan, workspace.out)
    failures: list[Failure] = []
    for name in STAGES if plan.shard is None else DIVIDED:
        if only in (None, name):
            with record.timed(name):
                failures += STAGES[name](plan, workspace, record)
    if only in (None, MEASURE):
        forget_finished(workspace.out)
    return list(dict.fromkeys(failures))


def latency(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Time every method on every device, with nothing else running, and every score."""
    from benchmarks.latency.stage import time_methods

    if workspace.cluster is not None:
        workspace.cluster.leave_this_machine()
    return time_methods(plan, workspace, record.trained_on(plan))


def claims(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Judge the article's claims: `claims.csv`, `claims.json`, and their tables in `claims/`."""
    # Here, not above: workers that measure need not what claims do.
    from benchmarks.claims import write_claims

    try:
        write_claims(plan, workspace, record.unavailable)
    except TrainingDivergedError as error:
        return [Failure("claims", str(error))]
    return []


def report(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Draw every table, figure and the page from the files of the earlier stages."""
    write_report(workspace.out, workspace.jobs)
    return []


STAGES: dict[str, Callable[[Plan, Workspace, RunRecord], list[Failure]]] = {
    TRAIN: train,
    PREDICT: predict,
    MEASURE: measure_all,
    LATENCY: latency,
    CLAIMS: claims,
    REPORT: report,
}
"""In their order: each needs the files of those before it."""
