"""How every stage makes a method ready to predict: compiled, built, fitted, and calibrated."""

from __future__ import annotations

from benchmarks.predictions import RunUnit
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import METHODS, UncertaintyMethod
from methods.networks.labelled_images import LabelledImages
from methods.seeds import derive_seed, seed_generators


def compile_once() -> None:
    """Compile the kernels if they are not cached yet; announced, since it takes seconds."""
    # Imported here, since methods can be timed where there is no Numba.
    from methods.engines.lenet5_kernels import CACHE, compile_kernels, kernels_are_cached

    if CACHE is None:
        announce("compile", "no cache can be written: each process compiles the kernels anew")
    elif not kernels_are_cached():
        announce("compile", "the kernels, once on this machine: about 15 s")
        compile_kernels()


def fitted(plan: Plan, workspace: Workspace, unit: RunUnit) -> UncertaintyMethod:
    """The unit's method, ready to predict.

    It is calibrated where its networks have not seen the task's calibration images.
    """
    split, held_out = plan.split(unit), None
    if split == "training" and plan.task.calibration_images:
        held_out = workspace.images(plan.task, "calibration")
    seed_call(plan.method(unit), "__init__")
    method = plan.method(unit, workspace.store)
    return fit(method, workspace.images(plan.task, split), held_out)


def fit(
    method: UncertaintyMethod, training: LabelledImages, calibration: LabelledImages | None = None
) -> UncertaintyMethod:
    """Fit a method on copies of the images, since it must not change those of others."""
    seed_call(method, "fit")
    method.fit(training.images.clone(), training.labels.clone())
    if calibration is not None:
        seed_call(method, "calibrate")
        method.calibrate(calibration.images.clone(), calibration.labels.clone())
    return method


def seed_call(method: UncertaintyMethod, call: str) -> None:
    """Before a custom method is called, seed the global random generators that it may draw from.

    So a call does not depend on those before it, which a continued run need not make again.
    """
    if type(method) not in METHODS.values():
        seed_generators(derive_seed(f"{method.name}.{call}", getattr(method, "seed", 0)))
