"""The files that the prediction of a group reads: few enough to be sent to where it is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from benchmarks.predictions import RunUnit
from benchmarks.run.failure import error_path
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import PooledMethod

Group = tuple[RunUnit, ...]
"""Run units whose members are among those of the first; see `Plan.groups`."""


def files_of(plan: Plan, workspace: Workspace, group: Group) -> list[Path]:
    """The trained networks, the predictions that are there, and earlier errors.

    Whether they have been written or not.
    """
    return list(dict.fromkeys(path for unit in group for path in _files_of(plan, workspace, unit)))


def _files_of(plan: Plan, workspace: Workspace, unit: RunUnit) -> Iterator[Path]:
    yield error_path(workspace.out, unit)
    for condition in plan.predicted(unit):
        yield workspace.predictions.path(unit, condition.name)
    if plan.configuration.classes[unit.method].pooled:
        method = cast(PooledMethod, plan.method(unit, workspace.store))
        fingerprint = workspace.images(plan.task, plan.split(unit)).fingerprint
        yield from method.pool.files(method.networks, fingerprint, method.trajectory)
