"""The stage `measure`: recompute every number from the prediction files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.inference.comparisons import comparisons_table, worths_table
from benchmarks.predictions import RunUnit
from benchmarks.run.curves import COLUMNS
from benchmarks.run.failure import Failure, error_path, failure_reason
from benchmarks.run.finished_work import OnceOnly, keep_finished
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.measured_images import (
    fits_of,
    image_sets,
    measure_images,
)
from benchmarks.run.workspace import Workspace
from benchmarks.schema import in_order, read_table, write_table
from benchmarks.vocabulary import (
    COMPARISONS_CSV,
    CURVES_FOLDER,
    MEASURE,
    MEASUREMENTS_CSV,
    SUMMARY_CSV,
    WORTH_CSV,
)

ARRANGED: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    MEASUREMENTS_CSV: in_order,
    SUMMARY_CSV: in_order,
    COMPARISONS_CSV: comparisons_table,
    WORTH_CSV: worths_table,
}
"""How the rows of all sets of images become the tables of a run."""

OF_CURVES = ("recipe", "method", "members", "replicate")
"""How those of curves are sorted, which keep the order of conditions and points."""


def measure(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Recompute every number from the prediction files.

    Writes `measurements.csv`, `summary.csv`, `comparisons.csv`, `worth.csv` and `curves/`, one set
    of images after the other. Continued after an interrupt, it computes what was not finished.
    """
    units = plan.units()
    left_out = _left_out(workspace, record, units)
    keep_finished(workspace.out, _decided_by(plan, workspace, record, left_out))
    fits = workspace.in_parallel(
        partial(fits_of, plan), units, stage=MEASURE, what="run units' calibration"
    )
    work = OnceOnly(partial(measure_images, plan, dict(fits), left_out))
    sets = [(conditions[0].name, conditions) for conditions in image_sets(plan)]
    finished = workspace.in_parallel(work, sets, stage=MEASURE, what="sets of images")
    of_condition = {folder.name: folder for folder in finished}
    order = [one.name for one in plan.conditions if one.name in of_condition]
    _write_tables([of_condition[name] for name in order], plan.task.name, workspace.out, record)
    return _without_predictions(plan, workspace, left_out)


def _write_tables(folders: Sequence[Path], task: str, out: Path, record: RunRecord) -> None:
    """Join the tables of all sets of images."""

    def of_all(name: str) -> pd.DataFrame:
        tables = [read_table(folder, name) for folder in folders]
        kept = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(kept, ignore_index=True)

    for name, arranged in ARRANGED.items():
        write_table(arranged(of_all(name)).assign(task=task), out, name)
    for name in COLUMNS:
        curves = in_order(of_all(f"{name}.csv"), OF_CURVES)
        write_table(curves, out / CURVES_FOLDER, f"{name}.csv")
    sampling = of_all("sampling_error.csv")
    if len(sampling):
        write_table(sampling, out / CURVES_FOLDER, "sampling_error.csv")
    record.note_machines("predictions", of_all("machines.csv")["machine"], anew=True)


def _decided_by(
    plan: Plan, workspace: Workspace, record: RunRecord, left_out: frozenset[str]
) -> dict[str, Any]:
    """All that decides the numbers beside the configuration and what is predicted.

    Predictions of a shard may have been copied here since.
    """
    units = plan.units()
    missing: list[str] = []
    for unit in units:
        held = workspace.predictions.conditions(unit)
        names = (condition.name for condition in plan.predicted(unit))
        missing += [f"{unit.name}/{name}" for name in names if name not in held]
    failed = [unit for unit in units if error_path(workspace.out, unit).exists()]
    return {
        **record.code,
        "all_rows": plan.all_rows,
        "left_out": sorted(left_out),
        "reasons": {unit.name: failure_reason(workspace, unit) for unit in failed},
        "missing": missing,
    }


def _without_predictions(
    plan: Plan, workspace: Workspace, left_out: frozenset[str]
) -> list[Failure]:
    """The methods that failed, and in one line all predictions that are missing beside."""
    failures, missing, store = [], [], workspace.predictions
    for unit in plan.units():
        wanted = plan.predicted(unit) if plan.objection(unit) is None else ()
        held = {*left_out, *store.conditions(unit)}
        absent = [one.name for one in wanted if one.name not in held]
        if absent and error_path(workspace.out, unit).exists():
            failures.append(Failure(unit.name, failure_reason(workspace, unit)))
        else:
            missing += [f"{unit.name}/{name}" for name in absent]
    if missing:
        what = "1 prediction is" if len(missing) == 1 else f"{len(missing)} predictions are"
        reason = f"{what} missing, first: {missing[0]}; run without --only to compute them"
        failures.append(Failure(MEASURE, reason))
    return failures


def _left_out(workspace: Workspace, record: RunRecord, units: list[RunUnit]) -> frozenset[str]:
    """The conditions whose images cannot be had, and of which there is no earlier prediction."""
    return frozenset(
        name
        for name in record.unavailable
        if not any(workspace.predictions.holds(unit, name) for unit in units)
    )
