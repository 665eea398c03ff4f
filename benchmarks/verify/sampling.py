"""Some numbers of a run, computed anew: networks, predictions and measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from benchmarks.errors import UserError
from benchmarks.predictions import RunUnit
from benchmarks.records import Measurement, as_table, where
from benchmarks.run.folder.recorded import require_images_of
from benchmarks.run.plan import Plan
from benchmarks.run.stages.feature_scores import SharedScores
from benchmarks.run.stages.measure import measure_unit
from benchmarks.run.stages.predict import find_data, predict_group
from benchmarks.run.stages.train import train_networks
from benchmarks.run.workspace import Workspace
from benchmarks.verify.recorded_run import RecordedRun
from benchmarks.verify.tables import DIFFERENT, IDENTICAL, ROUNDED, equal_but_for_rounding
from benchmarks.vocabulary import FEWEST_REPLICATES, PREDICT, SIGNIFICANT, WITH_VALUE

KEY = ["recipe", "method", "replicate", "members", "condition", "score", "metric"]
"""The columns of `measurements.csv` that name a row."""

OF_SPREAD = [name for name in KEY if name != "replicate"]
"""Rows that agree in these are replicates of one another."""

AS_REPLICATES = "as far apart as replicates"
"""The verdict on a number that differs, but no more than those of other networks do."""

Chosen = dict[RunUnit, set[str]]
"""Run units, each with the conditions of which a number was chosen."""


def sampled(measurements: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """So many rows with a value, drawn at random; all of them where there are no more."""
    rows = measurements[measurements["status"].isin(WITH_VALUE)]
    random = np.random.default_rng(seed)
    drawn = random.choice(len(rows), min(count, len(rows)), replace=False)
    return rows.iloc[np.sort(drawn)]


def units_of(rows: pd.DataFrame, plan: Plan) -> Chosen:
    """The run units that the rows are of, each with their conditions."""
    chosen: Chosen = {}
    for row in rows.to_dict("records"):
        of_row = [unit for unit in plan.units() if _is_of(unit, row)]
        exact = [unit for unit in of_row if unit.size is None or str(unit.size) == row["members"]]
        # A method may have another number of members than the size that was chosen.
        for unit in exact or of_row:
            chosen.setdefault(unit, set()).add(row["condition"])
    return chosen


def compute(run: RecordedRun, chosen: Chosen, workspace: Workspace) -> pd.DataFrame:
    """The measurements of run units under some conditions, from the training of networks on.

    Networks and predictions that the workspace has already are kept. Where a method fails, its rows
    have no value, and the reason.

    Raises:
        UserError: the images here are others than those of the run, or cannot be had.
    """
    plan = run.plan
    _require_images(run, find_data(plan, workspace), set().union(*chosen.values()))
    train_networks(plan, workspace, sorted(plan.networks_of([chosen])))
    done = workspace.in_parallel(
        partial(_compute_unit, plan), list(chosen.items()), stage=PREDICT, what="run units"
    )
    return as_table(chain.from_iterable(done))


def judged(rows: pd.DataFrame, again: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The rows, each with its value computed ``again``, a ``verdict``, and the reason of a failure.

    Processors of one kind give equal bits. Others round differently, and a network that was trained
    with other rounding is another network: its numbers may then be as far apart as those of two
    replicates. That is said where the difference is within the 95 % prediction interval (Student's
    t, Bonferroni's correction for the rows) that follows from the other replicates, where there are
    at least five in all.
    """
    of_again = again[[*KEY, "value", "reason"]].rename(columns={"value": "again"})
    found = rows[[*KEY, "value"]].merge(of_again, on=KEY, how="left")
    limits = [_limit(measurements, row, len(rows)) for row in rows.to_dict("records")]
    verdicts = list(map(_verdict, found["value"], found["again"], limits))
    reasons = found["reason"].where(found["again"].isna(), "")
    return found.assign(verdict=verdicts, reason=reasons)


def _require_images(
    run: RecordedRun, data: Mapping[str, dict[str, Any]], conditions: Iterable[str]
) -> None:
    require_images_of(run.record["data"], data, "the run")
    for name in sorted(conditions):
        if why := data[name].get("unavailable"):
            raise UserError(f"the images of {name!r} cannot be had here ({why})")


def _compute_unit(
    plan: Plan, workspace: Workspace, chosen: tuple[RunUnit, set[str]]
) -> list[Measurement]:
    unit, conditions = chosen
    needed = conditions | {plan.task.condition(name).reference for name in conditions}
    left_out = {condition.name for condition in plan.conditions} - needed
    predict_group(plan, workspace, SharedScores(), left_out, (unit,))
    return measure_unit(plan, workspace, unit, left_out=left_out)


def _is_of(unit: RunUnit, row: Mapping[Any, Any]) -> bool:
    found = unit.recipe, unit.method, unit.replicate
    return found == (row["recipe"], row["method"], row["replicate"])


def _limit(measurements: pd.DataFrame, row: Mapping[Any, Any], rows: int) -> float:
    """How far apart the values of two networks may be, by a row's other replicates; or NaN."""
    replicates = where(measurements, **{name: row[name] for name in OF_SPREAD})
    others = replicates[replicates["replicate"] != row["replicate"]]["value"].dropna()
    if len(others) + 1 < FEWEST_REPLICATES:
        return math.nan
    quantile = t.ppf(1 - SIGNIFICANT / (2 * rows), len(others) - 1)
    return float(quantile * math.sqrt(2) * others.std(ddof=1))


def _verdict(value: float, again: float, limit: float) -> str:
    if value == again:
        return IDENTICAL
    if equal_but_for_rounding(value, again):
        return ROUNDED
    return AS_REPLICATES if abs(value - again) <= limit else DIFFERENT
