"""What is timed, where, and the row of it before it is timed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import isnan
from typing import Any, cast

import torch

from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Latency
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import processor, version_of
from methods.engines import EngineName, choose_engine, has_kernels, unsupported
from methods.networks.pool import UntrainedPool
from methods.softmax import Softmax
from methods.trained.base import TrainedMethod

FITTED_ON = 1000
"""Random images that a custom method is fitted on; one of the suite gets as many as the task has,
if it learns from them."""

RANDOMLY_FITTED = (
    f"fitted on {FITTED_ON:,} random images: slower if its cost grows with the training set"
)

VERSIONS: dict[str, Any] = {
    "torch_version": torch.__version__,
    "cuda_version": torch.version.cuda or "",
    "numba_version": version_of("numba") or "",
}


@dataclass(frozen=True)
class TimedOn:
    """What evaluates the networks, how many threads torch has beside it, and where."""

    device: str
    device_name: str
    threads: int
    engine: EngineName

    @property
    def compares_sizes(self) -> bool:
        """Whether smaller sizes and scores are timed here, too."""
        return self.threads == 1 or self.device != "cpu"

    def untrained_pool(self, plan: Plan) -> UntrainedPool:
        """Networks of the run's recipe before their first step."""
        engine = choose_engine(self.engine, self.device)
        return UntrainedPool(recipe=plan.recipe, seed=plan.configuration.seed, engine=engine)


@dataclass(frozen=True)
class LatencyTask:
    """A method of one size, or a score, timed in one place: its row before it is timed."""

    place: TimedOn
    size: int | None
    row: Latency


def timed_on(plan: Plan) -> list[TimedOn]:
    """PyTorch on one thread and on all, the kernels on one, and PyTorch on each CUDA device."""
    name, every = f"{processor()}, {os.cpu_count()} cores", torch.get_num_threads()
    kernels = has_kernels() and not unsupported([plan.recipe])
    return [
        *(TimedOn("cpu", name, threads, "torch") for threads in sorted({1, every})),
        *([TimedOn("cpu", name, 1, "numba")] if kernels else []),
        *(
            TimedOn(f"cuda:{i}", torch.cuda.get_device_name(i), every, "torch")
            for i in range(torch.cuda.device_count())
        ),
    ]


def latency_tasks(
    plan: Plan, workspace: Workspace, trained_on: str | None, places: list[TimedOn]
) -> Iterator[LatencyTask]:
    """Every method's largest size everywhere, at all batch sizes; smaller sizes less often.

    These are timed where `TimedOn.compares_sizes`, at the smallest and the largest batch size; and
    there, at all batch sizes, the scores of the run that are not among those of probabilities. Each
    once, whatever its budgets: no speed depends on how long networks are trained.
    """
    chosen = plan.configuration
    ends = min(chosen.batch_sizes), max(chosen.batch_sizes)
    units = [unit for unit in plan.units() if plan.objection(unit) is None]
    for place, method in product(places, chosen.classes.values()):
        # The kernels' time is that of what they compute.
        if place.engine == "numba" and not uses_engine(method):
            continue
        sizes = sorted({u.size for u in units if u.method == method.name}, key=lambda n: n or 0)
        for size in sizes:
            known = _training_seconds(plan, workspace, method, size, place, trained_on)
            for count in chosen.batch_sizes:
                compared = place.compares_sizes and count in ends
                if (size == sizes[-1] or compared) and (count == 1 or not method.slow):
                    yield _task(place, method, size, batch_size=count, training_s=known)
    for place, score, count in product(places, stored_scores(chosen), chosen.batch_sizes):
        if place.compares_sizes:
            yield _task(place, Softmax, None, batch_size=count, score=score)


def _task(
    place: TimedOn,
    method: type[UncertaintyMethod],
    size: int | None,
    *,
    batch_size: int,
    score: str = "",
    training_s: float | None = None,
) -> LatencyTask:
    row = Latency(
        method=method.name,
        members="" if size is None else str(size),
        score=score,
        batch_size=batch_size,
        **vars(place),
        mode=mode(method, place),
        training_s=training_s,
        reason="" if method.pooled else RANDOMLY_FITTED,
        **VERSIONS,
    )
    return LatencyTask(place, size, row)


def uses_engine(method: type[UncertaintyMethod]) -> bool:
    """Whether the engine computes its networks; of a method that trains its own, their features."""
    if issubclass(method, TrainedMethod):
        return method.keeps_hidden_layers
    return method.pooled


def _training_seconds(
    plan: Plan,
    workspace: Workspace,
    method: type[UncertaintyMethod],
    size: int | None,
    place: TimedOn,
    trained_on: str | None,
) -> float | None:
    """How long the networks of a method and size took to train there, where that is known."""
    chosen = plan.configuration
    # Torch may call a device by its kind alone. PyTorch trains networks of a method's own.
    here = place.device.removesuffix(":0") == chosen.device
    by_this = place.engine == (chosen.engine if uses_engine(method) else "torch")
    if not (trained_on and method.pooled and here and by_this):
        return None
    budget = float(size or 1) if method.counts_networks else 1.0
    built = cast(PooledMethod, plan.method(RunUnit(method.name, size, budget, 0), workspace.store))
    seconds = built.pool.training_seconds(built.networks, trained_on)
    if built.trajectory is not None:
        seconds += built.pool.snapshot_seconds(built.trajectory, built.replicate, trained_on)
    return None if isnan(seconds) else round(seconds, 2)


def mode(method: type[UncertaintyMethod], place: TimedOn) -> str:
    """How the method's members are evaluated; see `Latency`."""
    if place.engine == "numba":
        return "kernels"
    if method not in METHODS.values() or issubclass(method, TrainedMethod):
        return "custom"
    if method.size is None:
        return "single"
    if "dropout" in method.needs:
        return "batched"
    # As PyTorch's engine does: on the CPU whole networks are faster one by one. Versions of an
    # image are never stacked.
    has_several_networks = method.counts_networks or "training" in method.needs
    return "batched" if has_several_networks and place.device != "cpu" else "loop"
