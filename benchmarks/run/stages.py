"""The stages of a run, each resumable, each reading only what the ones before it wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from benchmarks.io import UserError, path_of, require_own
from benchmarks.options import CHOSEN
from benchmarks.report import require_results, write_latency_tables, write_report
from benchmarks.run.configuration import NETWORKS, chosen_configuration
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import (
    RunRecord,
    earlier_record,
    held,
    joined,
    read_record,
    require_apart,
)
from benchmarks.run.workspace import Failure, Workspace, make_ready, workspace_for
from benchmarks.vocabulary import (
    CLAIMS,
    EXPERIMENTS,
    LATENCY,
    MEASURE,
    NOUNS_JSON,
    PREDICT,
    REPORT,
    SUMMARY_CSV,
    TRAIN,
)
from methods.networks.training import TrainingDivergedError

Stage = Callable[[Plan, Workspace, RunRecord], list[Failure]]


def chosen_run(chosen: Mapping[str, Any], **others: Path | None) -> tuple[Plan, Workspace]:
    """The run that all options choose, of which ``out`` says where; only networks get a folder.

    Args:
        chosen: by the names of `benchmarks.options.OPTIONS`.
        others: further files that are read, by the names of their options.

    Raises:
        UserError: something is unknown, out of range, or does not fit the rest or the folder.
    """
    out, place = chosen["out"], {name: chosen[name] for name in ("networks", "data_dir")}
    require_apart(out, **place | {"networks": place["networks"] or NETWORKS}, **others)
    for location in chosen["custom_methods"] or ():
        require_apart(out, method=Path(location.rpartition(":")[0]))
    configuration = chosen_configuration(**{part: chosen[part] for part in CHOSEN})
    plan = Plan(configuration, chosen["all_rows"])
    return plan, workspace_for(plan, out, **place, jobs=chosen["jobs"])


def run_stages(
    plan: Plan, workspace: Workspace, only: str | None = None, *, overwrite: bool = False
) -> list[Failure]:
    """Run all stages, or only one, and return what failed; everything else is then on disk.

    Raises:
        UserError: the output folder holds something else than this run, or is being written by
            another; data are damaged, or there is nothing to measure or to draw.
        NotWrittenError: a file cannot be written; so with `NotStoredError` of a network.
    """
    out = workspace.out
    plan = plan if overwrite else joined(plan, out)
    _require_usable(plan, workspace, only, overwrite=overwrite)
    with held(out):
        if only == REPORT:
            write_report(out)
            return []
        workspace.store.remove_half_written()
        record = RunRecord.begin(plan, workspace, overwrite=overwrite)
        if only != LATENCY:
            nouns_of(plan, metric_records(len(plan.task.classes))).write(out)
        elif not (out / NOUNS_JSON).exists():  # without metrics: timing needs not what they do
            nouns_of(plan).write(out)
        if only not in (MEASURE, LATENCY):
            make_ready(plan, workspace)
        failures: list[Failure] = []
        for name in STAGES:
            if only in (None, name):
                with record.timed(name):
                    failures += STAGES[name](plan, workspace, record)
        return list(dict.fromkeys(failures))


def _require_usable(plan: Plan, workspace: Workspace, only: str | None, *, overwrite: bool) -> None:
    """Refuse a folder before anything is written there."""
    out = workspace.out
    if not overwrite:  # which removes the link alone
        require_own(path for path in out.glob("*") if path.is_dir())
    if only == REPORT and not overwrite:  # of any run
        read_record(out)
        require_results(out)
        return
    earlier_record(plan, out, overwrite=overwrite)
    predicted = workspace.predictions.folder.exists()
    if only in (None, TRAIN, PREDICT):
        plan.require_affordable()
    elif overwrite and (predicted or path_of(out, SUMMARY_CSV).exists()):
        raise UserError(
            f"--overwrite would remove what {out} holds, and --only {only} computes none of "
            "it; leave out one of the two"
        )
    if only == MEASURE and not predicted:
        raise UserError(f"there are no predictions in {out} yet; run without --only first")
    if only == LATENCY and path_of(out, SUMMARY_CSV).exists() and not predicted:
        raise UserError(
            f"{out} holds results without predictions, perhaps from another machine; choose "
            "another folder with --out"
        )


def latency(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Time every method on every device, with nothing else running, and every score."""
    from benchmarks.latency.stage import time_methods

    if workspace.cluster is not None:
        workspace.cluster.leave_this_machine()
    split = plan.recipe.split
    failures = time_methods(plan, workspace, record.data.get(split, {}).get("fingerprint"))
    write_latency_tables(workspace.out)
    return failures


def claims(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Judge the article's claims: `claims.csv`, `claims.json`, and their tables in `claims/`."""
    from benchmarks.claims.stage import write_claims

    try:
        write_claims(plan, workspace, record.unavailable)
    except TrainingDivergedError as error:
        return [Failure("claims", str(error))]
    return []


def experiments(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Ask whether the uncertainties are epistemic: `experiments.csv`, `epistemic.csv`."""
    from benchmarks.epistemic.stage import run_experiments

    return run_experiments(plan, workspace, tuple(record.unavailable))


def report(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Draw every table, figure and the page from the files of the earlier stages."""
    write_report(workspace.out)
    return []


def _imported(name: str) -> Stage:
    """A stage of a module of its name, which is imported when it begins, as in those above.

    Methods are timed where what other stages need is not installed.
    """
    return lambda *run: cast("Stage", getattr(import_module(f"benchmarks.run.{name}"), name))(*run)


STAGES: dict[str, Stage] = {
    TRAIN: _imported("train"),
    PREDICT: _imported("predict"),
    MEASURE: _imported("measure"),
    LATENCY: latency,
    CLAIMS: claims,
    EXPERIMENTS: experiments,
    REPORT: report,
}
"""Stages in their order: each needs the files of those before it."""
