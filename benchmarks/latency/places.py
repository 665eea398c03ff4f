"""What is timed, where, and the rows of it before it is timed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import isnan
from typing import Any, cast

import torch

from benchmarks.latency.stopwatch import WALL
from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Latency, ScoreLatency
from benchmarks.vocabulary import SELF_TRAINED
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import processor, version_of
from methods.engines import EngineName, choose_engine, has_kernels, unsupported
from methods.networks.pool import UntrainedPool
from methods.softmax import Softmax
from methods.trained.base import TrainedMethod

FITTED_ON = 1000
"""Random images that a method is fitted on.

Those of the suite's methods that learn from images get as many as the task has.
"""

NO_GPU = "no GPU on this machine"
NO_KERNELS = "Numba is not installed"
SINGLE_IMAGES = "about a second an image: only single images are timed"
RANDOMLY_FITTED = (
    f"fitted on {FITTED_ON:,} random images: slower if its cost grows with the training set"
)

BY_PYTORCH = "a network of its own, which PyTorch computes"

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

    def untrained_pool(self, plan: Plan) -> UntrainedPool:
        """Networks of the run's recipe before their first step."""
        engine = choose_engine(self.engine, self.device)
        return UntrainedPool(recipe=plan.recipe, seed=plan.configuration.seed, engine=engine)


@dataclass(frozen=True)
class LatencyTask:
    """A method of one size, or a score, timed in one place on one batch size.

    Attributes:
        training_s: see `benchmarks.schema.Latency`.
        score: of a single network, instead of what the method predicts; mostly empty.
    """

    method: str
    size: int | None
    place: TimedOn
    batch_size: int
    training_s: float | None = None
    score: str = ""


LatencyRow = Latency | ScoreLatency


def timed_on(plan: Plan) -> list[TimedOn]:
    """The CPU with one thread and with all, by each engine there is; and each CUDA device."""
    name, every = f"{processor()}, {os.cpu_count()} cores", torch.get_num_threads()
    fast = has_kernels() and not unsupported([plan.recipe])
    engines: list[EngineName] = ["numba", "torch"] if fast else ["torch"]
    return [
        *(TimedOn("cpu", name, n, engine) for engine in engines for n in sorted({1, every})),
        *(
            TimedOn(f"cuda:{i}", torch.cuda.get_device_name(i), every, "torch")
            for i in range(torch.cuda.device_count())
        ),
    ]


def latency_tasks(
    plan: Plan, workspace: Workspace, trained_on: str | None, places: list[TimedOn]
) -> Iterator[LatencyTask]:
    """Every method's largest size everywhere; smaller ones on GPUs and, on the CPU, less often.

    Each once, whatever its budgets: no speed depends on how long networks are trained.

    There by the run's own engine alone, on one thread, at the smallest and the largest batch size.
    So are, at all batch sizes, the scores of the run that are not among those of probabilities.
    """
    chosen = plan.configuration
    units = [unit for unit in plan.units() if plan.objection(unit) is None]
    main = next((place for place in places if place.engine == chosen.engine), places[0])
    for place, (name, method) in product(places, chosen.classes.items()):
        if not _concerns(method, place, places):
            continue
        # By the place's engine, on its device, which torch may call by its kind alone.
        trains = (place.engine, place.device.removesuffix(":0")) == (chosen.engine, chosen.device)
        sizes = sorted({u.size for u in units if u.method == name}, key=lambda size: size or 0)
        for size in sizes:
            known = _training_seconds(plan, workspace, method, size, trained_on) if trains else None
            for batch_size in chosen.batch_sizes:
                at_an_end = batch_size in (min(chosen.batch_sizes), max(chosen.batch_sizes))
                everywhere = size == sizes[-1] or place.device != "cpu"
                if (everywhere or (place == main and at_an_end)) and (
                    batch_size == 1 or not method.slow
                ):
                    yield LatencyTask(name, size, place, batch_size, known)
    if main.engine == chosen.engine:
        for score, batch_size in product(stored_scores(chosen), chosen.batch_sizes):
            yield LatencyTask(Softmax.name, None, main, batch_size, score=score)


def _concerns(method: type[UncertaintyMethod], place: TimedOn, places: list[TimedOn]) -> bool:
    """Whether the place makes a difference to the method."""
    if method.kernels_only:
        return place.engine == "numba" and place.threads == 1
    return uses_engine(method) or place.device != "cpu" or place.engine == places[0].engine


def uses_engine(method: type[UncertaintyMethod]) -> bool:
    """Whether the engine computes its networks: not of a method that trains one of its own."""
    return method.pooled and not issubclass(method, TrainedMethod)


def _training_seconds(
    plan: Plan,
    workspace: Workspace,
    method: type[UncertaintyMethod],
    size: int | None,
    trained_on: str | None,
) -> float | None:
    """How long the networks of a method and size took to train, where that is known."""
    if not (trained_on and method.pooled):
        return None
    budget = float(size or 1) if method.counts_networks else 1.0
    built = cast(PooledMethod, plan.method(RunUnit(method.name, size, budget, 0), workspace.store))
    seconds = built.pool.training_seconds(built.networks, trained_on)
    if built.trajectory is not None:
        seconds += built.pool.snapshot_seconds(built.trajectory, built.replicate, trained_on)
    return None if isnan(seconds) else round(seconds, 2)


def untimed_row(plan: Plan, task: LatencyTask) -> LatencyRow:
    """The row of a task before it is timed."""
    if not task.score:
        return _method_row(plan, task)
    return ScoreLatency(task.score, task.batch_size, **vars(task.place), **VERSIONS)


def _method_row(plan: Plan, task: LatencyTask) -> Latency:
    method, place = plan.configuration.classes[task.method], task.place
    where_timed, reason = vars(place), ""
    if not uses_engine(method):
        where_timed = where_timed | {"engine": SELF_TRAINED}
        reason = BY_PYTORCH if method.pooled else RANDOMLY_FITTED
    return Latency(
        method=task.method,
        members="" if task.size is None else str(task.size),
        batch_size=task.batch_size,
        **where_timed,
        mode=mode(method, place),
        clock=WALL,
        training_s=task.training_s,
        reason=reason,
        **VERSIONS,
    )


def mode(method: type[UncertaintyMethod], place: TimedOn) -> str:
    """How the method's members are evaluated; see `Latency`."""
    if uses_engine(method) and place.engine == "numba":
        return "kernels"
    if method not in METHODS.values() or not uses_engine(method):
        return "custom"
    if method.size is None:
        return "single"
    if "dropout" in method.needs:
        return "batched"
    # As PyTorch's engine does: on the CPU whole networks are faster one by one. Versions of an
    # image are never stacked.
    has_several_networks = method.counts_networks or "training" in method.needs
    return "batched" if has_several_networks and place.device != "cpu" else "loop"


def absent_rows(plan: Plan, places: list[TimedOn]) -> Iterator[Latency]:
    """A row for everything that this machine lacks, or that would take too long there."""
    for name, method in plan.configuration.classes.items():
        for place, size in product(places, plan.configuration.batch_sizes):
            if method.slow and size > 1 and _concerns(method, place, [place]):
                row = _method_row(plan, LatencyTask(name, None, place, size))
                members = "exact" if method.exact else row.members
                yield replace(row, members=members, status="not applicable", reason=SINGLE_IMAGES)
        lacking = []
        if method.pooled and not has_kernels():
            lacking.append(("cpu", "numba", NO_KERNELS))
        if not torch.cuda.is_available():
            lacking.append(("cuda", "torch", NO_GPU))
        for device, engine, why in lacking:
            yield Latency(
                *(name, "", None, device, "", None, engine, "", ""),
                status="unavailable",
                reason=why,
                **VERSIONS,
            )
