"""Merge the parts of a run: ``python -m benchmarks.merge OUT PART…``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Jobs,
    MethodsOfRun,
    exit_status,
    fitting_jobs,
    named_folder,
)
from benchmarks.errors import UserError
from benchmarks.files import writable_folder
from benchmarks.merge.agreement import remarks, require_together
from benchmarks.merge.merging import merge
from benchmarks.merge.part_folder import PartFolder
from benchmarks.report.outcome import show_outcome
from benchmarks.run.folder.recorded import recorded_configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace


def main(
    out: Annotated[
        Path,
        typer.Argument(help="The merged run; a new folder.", metavar="OUT", parser=named_folder),
    ],
    parts: Annotated[
        list[Path],
        typer.Argument(
            help="Folders that run_all.py --part has written.", metavar="PART…", parser=named_folder
        ),
    ],
    method: MethodsOfRun = None,
    data_dir: DataDir = None,
    jobs: Jobs = None,
) -> None:
    """Merge the parts of a run into one folder.

    It then has the measurements.csv that the undivided run writes, and all that follows from the
    predictions: summary, comparisons, curves and report. Parts are checked before: they must be
    those of one run, each finished and none missing.

    Latency and claims belong to no part. The command of the run, with --out OUT, adds them.
    """
    if out.exists():
        raise UserError(f"{out} exists already; name a new folder for the merged run")
    once = {folder.resolve(): folder for folder in parts}
    folders = sorted(map(PartFolder.read, once.values()), key=lambda one: one.part)
    require_together(folders)
    plan = Plan(recorded_configuration(folders[0].record, method or ()))
    for one in folders:
        one.require_complete(plan)
    for remark in remarks(folders):
        print(f"warning: {remark}", file=sys.stderr)
    writable_folder("OUT", out.parent)
    workers = jobs or fitting_jobs("cpu")
    merge(plan, Workspace(out, NETWORKS, data_dir, workers), folders)
    show_outcome(out)
    print(f"for latency and claims: {plan.command} --out {quote(str(out))}")
    if _show_failures(plan, folders):
        raise typer.Exit(1)


def _show_failures(plan: Plan, folders: Sequence[PartFolder]) -> bool:
    """Name what failed in each part, and what to do; return whether anything did."""
    any_failed = False
    for one in folders:
        failures = list(one.failures(plan))
        for what, reason in failures:
            print(f"failed: {what}: {reason}", file=sys.stderr)
        if failures:
            print(f"to try these again, {one.remedy}, and merge anew", file=sys.stderr)
        any_failed |= bool(failures)
    return any_failed


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.merge")
