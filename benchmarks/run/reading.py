"""The one way by which stages read what a run unit predicts."""

from __future__ import annotations

from collections.abc import Collection

from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction, UnusableFileError
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace


class OtherRunError(UnusableFileError):
    """A prediction file is of a run by another configuration."""


def read_prediction(
    plan: Plan, workspace: Workspace, unit: RunUnit, condition: str
) -> StoredPrediction | None:
    """A unit's prediction under a condition, if there is one.

    Raises:
        OtherRunError: it was predicted by another run.
        UnusableFileError: it is damaged.
    """
    store, digest = workspace.predictions, plan.configuration.digest
    stored = store.load_if_there(unit, condition)
    if stored is not None and stored.sources.get(THE_RUN, digest) != digest:
        raise OtherRunError(
            f"the prediction file {store.path(unit)} is of another run; the stage predict "
            "computes it again"
        )
    return stored


def predicted_conditions(plan: Plan, workspace: Workspace, unit: RunUnit) -> Collection[str]:
    """The conditions of which `read_prediction` has the unit's prediction; nothing is read of them.

    Raises:
        UnusableFileError: a file is damaged.
    """
    return workspace.predictions.conditions(unit)
