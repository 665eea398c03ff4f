"""How every stage makes a method ready to predict: built, fitted, and calibrated."""

from __future__ import annotations

from benchmarks.predictions import RunUnit
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import UncertaintyMethod
from methods.networks.labelled_images import LabelledImages


def fitted(plan: Plan, workspace: Workspace, unit: RunUnit) -> UncertaintyMethod:
    """The unit's method, ready to predict.

    It is calibrated where its networks have not seen the task's calibration images.
    """
    split, held_out = plan.split(unit), None
    if split == "training" and plan.task.calibration_images:
        held_out = workspace.images(plan.task, "calibration")
    method = plan.method(unit, workspace.store)
    return fit(method, workspace.images(plan.task, split), held_out)


def fit(
    method: UncertaintyMethod, training: LabelledImages, calibration: LabelledImages | None = None
) -> UncertaintyMethod:
    """Fit a method on copies of the images, since it must not change those of others."""
    method.fit(training.images.clone(), training.labels.clone())
    if calibration is not None:
        method.calibrate(calibration.images.clone(), calibration.labels.clone())
    return method
