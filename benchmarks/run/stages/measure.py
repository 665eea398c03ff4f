"""The stage `measure`: recompute every number from the prediction files."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.inference.comparison.comparisons import (
    Estimates,
    compare,
    comparisons_table,
    score_comparisons_table,
    worths_table,
)
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.resampling import resample
from benchmarks.inference.resampling_tasks import ResamplingTask, resampling_tasks
from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction
from benchmarks.run.failure import Failure, error_path, failure_reason
from benchmarks.run.figure_data.curves import write_curves
from benchmarks.run.figure_data.explorer import write_explorer
from benchmarks.run.figure_data.replicates import replicates_table
from benchmarks.run.figure_data.sampling_error import write_sampling_error
from benchmarks.run.finished_work import (
    OnceOnly,
    estimates_of,
    keep_finished,
    plain_estimates,
    plain_rows,
    rows_of,
)
from benchmarks.run.measurement_rows import measure, without_value
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.summary import means_over_groups, summarise
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Measurement, as_table, write_table
from benchmarks.vocabulary import (
    COMPARISONS_CSV,
    CURVES_FOLDER,
    MEASURE,
    MEASUREMENTS_CSV,
    SCORE_COMPARISONS_CSV,
    SCORE_WORTH_CSV,
    SELF_TRAINED,
    SUMMARY_CSV,
    WORTH_CSV,
)
from methods import UncertaintyMethod
from methods.interface import ALL_PRESETS
from methods.scores import SCORES, of_probabilities
from methods.threads import one_torch_thread


def measure_all(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Recompute every number from the prediction files.

    Writes `measurements.csv`, `summary.csv`, `comparisons.csv`, `worth.csv`, the same two of
    scores, and `curves/`. Continued after an interrupt, it computes what was not finished.
    """
    units = plan.units()
    verify = partial(verify_predictions, plan)
    machines = workspace.in_parallel(verify, units, stage="verify", what="run units")
    record.note_machines("predictions", chain.from_iterable(machines), anew=True)
    left_out = _left_out(workspace, record, units)
    keep_finished(workspace.out, _decided_by(plan, workspace, record, left_out))
    measure_one = OnceOnly(
        partial(measure_unit, plan, left_out=left_out), "unit", plain_rows, rows_of
    )
    numbered = list(enumerate(units))
    rows = workspace.in_parallel(measure_one, numbered, stage=MEASURE, what="run units")
    of_task = {"task": plan.task.name}
    table = as_table(chain.from_iterable(of_unit for _, of_unit in rows)).assign(**of_task)
    write_table(table, workspace.out, MEASUREMENTS_CSV)
    failures = _without_predictions(plan, workspace, left_out)
    method_scores = sorted(set(table["score"]) - of_probabilities().keys() - {""})
    estimates = _estimate_all(plan, workspace, method_scores)
    means = means_over_groups(table, plan.conditions)
    table_and_means = pd.concat([table, means], ignore_index=True)
    summary = summarise(table_and_means, estimates.intervals)
    write_table(summary, workspace.out, SUMMARY_CSV)
    compared = comparisons_table(estimates.comparisons).assign(**of_task)
    write_table(compared, workspace.out, COMPARISONS_CSV)
    worths = worths_table(estimates.worths).assign(**of_task)
    write_table(worths, workspace.out, WORTH_CSV)
    scores = score_comparisons_table(estimates.score_comparisons).assign(**of_task)
    write_table(scores, workspace.out, SCORE_COMPARISONS_CSV)
    worths = worths_table(estimates.score_worths).assign(**of_task)
    write_table(worths, workspace.out, SCORE_WORTH_CSV)
    of_replicates = replicates_table(plan, table_and_means)
    write_table(of_replicates, workspace.out / CURVES_FOLDER, "replicates.csv")
    write_curves(plan, workspace)
    write_explorer(plan, workspace)
    write_sampling_error(plan, workspace)
    return failures


@one_torch_thread()
def verify_predictions(plan: Plan, workspace: Workspace, unit: RunUnit) -> set[str]:
    """The machines that a run unit was predicted on, where each of its files is whole and its own.

    Raises:
        UserError: a file is damaged, or was predicted by another run.
    """
    store, digest, machines = workspace.predictions, plan.configuration.digest, set()
    for condition in plan.predicted(unit):
        stored = store.load_if_there(unit, condition.name)
        if stored is None:
            continue
        if stored.sources.get(THE_RUN, digest) != digest:
            raise UserError(
                f"the prediction file {store.path(unit)} is of another run; the stage predict "
                "computes it again"
            )
        machines.add(stored.machine)
    return machines


def _decided_by(
    plan: Plan, workspace: Workspace, record: RunRecord, left_out: frozenset[str]
) -> dict[str, Any]:
    """All that decides the numbers beside the configuration and what is predicted.

    Predictions of a shard may have been copied here since.
    """
    holds, units = workspace.predictions.holds, plan.units()
    conditions = ((unit, one.name) for unit in units for one in plan.predicted(unit))
    failed = [unit for unit in units if error_path(workspace.out, unit).exists()]
    return {
        **record.code,
        "left_out": sorted(left_out),
        "reasons": {unit.name: failure_reason(workspace, unit) for unit in failed},
        "missing": [f"{unit.name}/{name}" for unit, name in conditions if not holds(unit, name)],
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
        reason = (
            f"{len(missing)} predictions are missing, first: {missing[0]}; run without --only to "
            "compute them"
        )
        failures.append(Failure(MEASURE, reason))
    return failures


def _left_out(workspace: Workspace, record: RunRecord, units: list[RunUnit]) -> frozenset[str]:
    """The conditions whose images cannot be had, and of which there is no earlier prediction."""
    return frozenset(
        name
        for name in record.unavailable
        if not any(workspace.predictions.holds(unit, name) for unit in units)
    )


@one_torch_thread()
def measure_unit(
    plan: Plan, workspace: Workspace, unit: RunUnit, *, left_out: Collection[str]
) -> list[Measurement]:
    """The rows of a run unit, of every condition that is not left out."""
    rows: list[Measurement] = []
    objection, store = plan.objection(unit), workspace.predictions
    calibration = _calibration(plan, workspace, unit)
    for condition in plan.conditions_of(unit):
        if condition.name in left_out:
            continue
        stored = store.load_if_there(unit, condition.name)
        reference = store.load_if_there(unit, condition.reference)
        without = partial(without_value, unit, condition, reference)
        if objection is not None:
            rows += without("not applicable", objection)
        elif stored is not None and reference is not None:
            rows += measure(unit, condition, stored, reference, calibration)
        else:
            rows += without("failed", failure_reason(workspace, unit))
    return rows


def _estimate_all(plan: Plan, workspace: Workspace, method_scores: list[str]) -> Estimates:
    """All intervals and comparisons; a self-trained method's intervals are equal in all recipes."""
    further = [score for score in method_scores if score in SCORES]
    tasks = resampling_tasks(_together(plan), plan.conditions, method_scores, further)
    estimate_one = OnceOnly(partial(_estimate_one, plan), "task", plain_estimates, estimates_of)
    numbered = list(enumerate(tasks))
    done = workspace.in_parallel(estimate_one, numbered, stage=MEASURE, what="resampling tasks")
    return Estimates.joined(estimates for _, estimates in sorted(done, key=itemgetter(0)))


def _together(plan: Plan) -> list[tuple[str, ...]]:
    """The recipes that are compared with one another: those with the same training images."""
    splits: dict[str, list[str]] = {}
    for recipe in plan.recipes_compared:
        split = "" if recipe == SELF_TRAINED else plan.configuration.recipe(recipe).split
        splits.setdefault(split, []).append(recipe)
    return list(map(tuple, splits.values()))


@one_torch_thread()
def _estimate_one(plan: Plan, workspace: Workspace, task: ResamplingTask) -> Estimates:
    units = [
        unit
        for unit in plan.units()
        if unit.recipe in (*task.recipes, SELF_TRAINED) and plan.objection(unit) is None
    ]
    chosen, classes = plan.configuration, plan.configuration.classes.items()
    primary = {name: method.primary_score for name, method in classes}
    ensembles = [name for name in primary if plan.forms_ensembles(name)]
    load = partial(_stored_resampled, plan, workspace, task)
    resampled = resample(
        task,
        units,
        load,
        resamples=chosen.resamples,
        seed=chosen.seed,
        calibration=partial(_calibration, plan, workspace),
        instead=primary if task.further_scores else {name: primary[name] for name in ensembles},
        of_single=[name for name, method in classes if _adds_nothing(method)],
    )
    if resampled is None:
        return Estimates.joined(())
    relations = Relations(
        {name: method.probabilities_of for name, method in classes if method.probabilities_of},
        {(unit.recipe, unit.method): plan.split(unit) for unit in units},
        ensembles,
        primary,
        {name: method.usual_sizes for name, method in classes},
        [name for name, method in classes if method.presets == ALL_PRESETS],
    )
    return compare(task, resampled, relations)


def _adds_nothing(method: type[UncertaintyMethod]) -> bool:
    """Whether its prediction is that of a trained network alone."""
    return method.pooled and not method.size and not method.needs


def _stored_resampled(
    plan: Plan, workspace: Workspace, task: ResamplingTask, unit: RunUnit, condition: str
) -> StoredPrediction | None:
    """A stored prediction that is resampled; without most of the sizes that are not compared.

    By all scores these would be most of the work. Under single conditions of a group
    those of MC-dropout are resampled for the measures of labels alone, whose mean is shown by
    number of members; those of ensembles also for their methods' primary scores, by which others
    have a worth in networks.
    """
    shift = plan.task.condition(condition)
    if task.further_scores and not (plan.is_compared(unit) or plan.forms_ensembles(unit.method)):
        return None
    if not plan.is_compared(unit) and shift.is_one_of_many:
        primary = {method.primary_score for method in plan.configuration.classes.values()}
        of_labels = shift.in_mean and "labels" in task.needs and "score" not in task.needs
        in_worth = plan.forms_ensembles(unit.method) and task.score in ("", *primary)
        if not (of_labels or in_worth):
            return None
    return workspace.predictions.load_if_there(unit, condition)


def _calibration(plan: Plan, workspace: Workspace, unit: RunUnit) -> StoredPrediction | None:
    """The unit's prediction of the calibration images, if there is one."""
    images = plan.calibration_of(unit)
    return None if images is None else workspace.predictions.load_if_there(unit, images.name)
