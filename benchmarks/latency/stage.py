"""The stage `latency`: every method timed on every device, `latency.csv`.

It needs neither data nor trained networks, since latency does not depend on the weights: networks
are those of the task's first recipe before their first step, images are random. So it runs on a
machine that has little more than PyTorch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, groupby, product
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor

from benchmarks.io import UserError
from benchmarks.latency.cost import allocated, network_cost, peak_memory, state_bytes
from benchmarks.latency.stopwatch import WALL, Limits, Timed, stopwatch
from benchmarks.progress import announce, tracked
from benchmarks.run.configuration import PRESETS, SLOW
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Failure, Workspace, compile_once, fit, reason_of
from benchmarks.schema import (
    TABLES,
    Latency,
    members_text,
    read_table,
    table_of,
    where,
    write_table,
)
from benchmarks.vocabulary import LATENCY, LATENCY_CSV, SELF_TRAINED
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import derive_seed, processor, torch_threads, version_of
from methods.engines import EngineName, choose_engine, has_kernels, unsupported
from methods.networks.pool import UntrainedPool
from methods.networks.recipes import LabelledImages

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
ELSEWHERE = "does not use this device"

VERSIONS: dict[str, Any] = {
    "torch_version": torch.__version__,
    "cuda_version": torch.version.cuda or "",
    "numba_version": version_of("numba") or "",
}

IDENTITY = (
    *("method", "members", "batch_size", "device", "device_name", "threads", "engine", "mode"),
    *(*VERSIONS, "status"),
)
"""The columns that distinguish what is timed, where, and by which versions."""


@dataclass(frozen=True)
class TimedOn:
    """What evaluates the networks, how many threads torch has beside it, and where."""

    device: str
    device_name: str
    threads: int
    engine: EngineName

    def untrained_pool(self, plan: Plan) -> UntrainedPool:
        """Networks of the task's first recipe before their first step."""
        engine = choose_engine(self.engine, self.device)
        recipe = plan.task.recipes[0]
        return UntrainedPool(recipe=recipe, seed=plan.configuration.seed, engine=engine)


@dataclass(frozen=True)
class LatencyTask:
    """A method of one size, timed in one place on one batch size.

    Attributes:
        training_s: see `benchmarks.schema.Latency`.
    """

    method: str
    size: int | None
    place: TimedOn
    batch_size: int
    training_s: float | None = None


TimedTask = tuple[LatencyTask, list[Latency]]
"""A task and its rows, one for each clock."""


def time_methods(
    plan: Plan,
    workspace: Workspace,
    trained_on: str | None = None,
    limits: Limits | None = None,
) -> list[Failure]:
    """Time what is not in `latency.csv` yet, one after the other; what failed, and why.

    Rows of this machine and these versions are kept, so that a run goes on where it was stopped;
    delete the file to time everything anew.

    Args:
        trained_on: the fingerprint of the training images, by which stored networks are found.
        limits: by default those of the run's preset.
    """
    limits = limits or PRESETS[plan.configuration.preset].limits
    places = timed_on(plan)
    if any(place.engine == "numba" for place in places):
        compile_once()
    earlier = read_rows(workspace.out, LATENCY_CSV)
    rows = {
        task: _measured_earlier(earlier, plan, task)
        for task in latency_tasks(plan, workspace, trained_on, places)
    }
    missing = [task for task, measured in rows.items() if not measured]
    if not missing:
        announce(LATENCY, f"nothing to do: {LATENCY_CSV} has all timings of this machine")
    absent = list(_absent_rows(plan, places))

    def write() -> None:
        table = table_of(Latency, chain(*rows.values(), absent))
        write_table(table, workspace.out, LATENCY_CSV)

    write()
    failures = []
    for task, timed in tracked(_timed(plan, missing, limits), len(missing), LATENCY, "timings"):
        rows[task] = timed
        write()
        failures += [
            Failure(f"{task.method} on {row.device}, batch size {row.batch_size}", row.reason)
            for row in timed
            if row.status == "failed"
        ]
    return failures


def read_rows(folder: Path, name: str) -> pd.DataFrame:
    """The rows that were measured in a folder; none where there is no such file.

    None where it is damaged or of an earlier version either, since timing anew takes seconds.
    """
    try:
        return read_table(folder, name)
    except UserError:
        return table_of(TABLES[name], ())


def timed_on(plan: Plan) -> list[TimedOn]:
    """The CPU with one thread and with all, by each engine there is; and each CUDA device."""
    name, every = f"{processor()}, {os.cpu_count()} cores", torch.get_num_threads()
    fast = has_kernels() and not unsupported(plan.task.recipes[:1])
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

    There by the run's own engine alone, on one thread, at the smallest and the largest batch size.
    """
    chosen = plan.configuration
    main = next((place for place in places if place.engine == chosen.engine), places[0])
    for place, (name, method) in product(places, chosen.classes.items()):
        if not _concerns(method, place, places):
            continue
        # By the place's engine, on its device, which torch may call by its kind alone.
        trains = (place.engine, place.device.removesuffix(":0")) == (chosen.engine, chosen.device)
        sizes = chosen.sizes(method, chosen.recipes[0]) or (None,)
        for size in sizes:
            known = _training_seconds(plan, workspace, method, size, trained_on) if trains else None
            for batch_size in chosen.batch_sizes:
                at_an_end = batch_size in (min(chosen.batch_sizes), max(chosen.batch_sizes))
                everywhere = size == sizes[-1] or place.device != "cpu"
                if (everywhere or (place == main and at_an_end)) and (
                    batch_size == 1 or name not in SLOW
                ):
                    yield LatencyTask(name, size, place, batch_size, known)


def _concerns(method: type[UncertaintyMethod], place: TimedOn, places: list[TimedOn]) -> bool:
    """Whether the place makes a difference to the method."""
    if method.kernels_only:
        return place.engine == "numba" and place.threads == 1
    # A method that trains itself computes for itself, whatever the engine.
    return method.pooled or place.device != "cpu" or place.engine == places[0].engine


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
    pool = plan.pool(plan.configuration.recipes[0], workspace.store)
    built = cast(PooledMethod, method.build(pool, size=size))
    seconds = pool.training_seconds(built.networks, trained_on)
    if built.trajectory is not None:
        seconds += pool.snapshot_seconds(built.trajectory, built.replicate, trained_on)
    return None if isnan(seconds) else round(seconds, 2)


def _timed(plan: Plan, tasks: list[LatencyTask], limits: Limits) -> Iterator[TimedTask]:
    """The rows of each task, those of a custom method from processes of its own.

    If such a process ends before it is done, all its tasks have failed.
    """
    for (name, _, _), group in groupby(tasks, lambda task: (task.method, task.size, task.place)):
        alike = list(group)
        if not plan.is_custom(name):
            yield from _timed_together(plan, alike, limits)
            continue
        try:
            yield from in_own_process(partial(_all_timed, plan, alike, limits), variables={})
        except ProcessEndedError as error:
            for task in alike:
                row = untimed_row(plan, task)
                yield task, [replace(row, status="failed", reason=reason_of(error))]


def _all_timed(plan: Plan, tasks: list[LatencyTask], limits: Limits) -> list[TimedTask]:
    return list(_timed_together(plan, tasks, limits))


def _timed_together(plan: Plan, tasks: list[LatencyTask], limits: Limits) -> Iterator[TimedTask]:
    """The rows of tasks for all of which a method is fitted once: batch sizes in one place."""
    place = tasks[0].place
    method = plan.configuration.classes[tasks[0].method]
    fitted = cache(partial(_fitted, plan, method, tasks[0].size, place))
    before = allocated(place.device)
    for task in tasks:
        row = untimed_row(plan, task)
        try:
            with torch_threads(place.threads):
                ready, seconds = fitted()
                row = replace(row, fit_s=round(seconds, 3), state_bytes=state_bytes(ready))
                images = random_images(plan, task.batch_size)
                # A self-trained method gets images on the CPU.
                images = images.to(place.device) if method.pooled else images
                rows = _time(ready, images, row, limits)
            if not method.pooled and _computes_elsewhere(rows[0], before):
                row = replace(row, members=rows[0].members)
                rows = [replace(row, status="not applicable", reason=ELSEWHERE)]
        except KeyboardInterrupt:
            raise
        # Whatever a method raises is its own failure; a batch may be too large for a device.
        except BaseException as error:
            rows = [replace(row, status="failed", reason=reason_of(error))]
        yield task, rows


def _computes_elsewhere(timed: Latency, before: int) -> bool:
    """Whether a method on a GPU neither allocates nor holds more bytes there than before it."""
    idle = timed.peak_memory_mb == 0 and allocated(timed.device) <= before
    return idle and timed.device != "cpu"


def _fitted(
    plan: Plan, method: type[UncertaintyMethod], size: int | None, place: TimedOn
) -> tuple[UncertaintyMethod, float]:
    """The method, fitted on random images, and in how many seconds.

    What it takes from the pool is untrained.
    """
    learns = method in METHODS.values() and method.fit is not PooledMethod.fit
    count = plan.task.training_images if learns else FITTED_ON
    images = random_training_images(plan, count)
    held = plan.task.calibration_images if learns else count
    held_out = LabelledImages(images.images[:held], images.labels[:held]) if held else None
    built, begun = method.build(place.untrained_pool(plan), size=size), perf_counter()
    fitted = fit(built, images, held_out)
    return fitted, perf_counter() - begun


def random_images(plan: Plan, count: int) -> Tensor:
    """So many images of the task's shape, in [0, 1]; the same for the same number."""
    seed = derive_seed("latency", plan.configuration.seed, count)
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *plan.task.shape, generator=generator)


def random_training_images(plan: Plan, count: int) -> LabelledImages:
    """So many random images, with every label equally often."""
    labels = torch.arange(count) % len(plan.task.classes)
    return LabelledImages(random_images(plan, count), labels)


def _time(method: UncertaintyMethod, images: Tensor, row: Latency, limits: Limits) -> list[Latency]:
    """The row with each clock's numbers; memory is measured apart, not to disturb the clock."""
    call = partial(method.predict, images)
    timed = stopwatch(call, limits, device=row.device)
    peak = peak_memory(call, device=row.device)
    cost = network_cost(method)
    common = replace(
        row,
        members=members_text(method.predict(images[:1]).members),
        peak_memory_mb=None if peak.megabytes is None else round(peak.megabytes, 3),
        **(cost._asdict() if cost else {}),
        reason="; ".join(filter(None, (row.reason, peak.reason))),
    )
    return [
        replace(
            common,
            **median_columns(clock),
            clock=clock.clock,
            p90_ms=round(clock.percentile(90), 6),
            p99_ms=round(clock.percentile(99), 6),
            images_per_s=round(1000 * len(images) / clock.median, 2),
        )
        for clock in timed
    ]


def median_columns(timed: Timed) -> dict[str, Any]:
    """What tables of times have of the calls that a clock timed."""
    lower, upper = timed.interval
    return {
        **{"p50_ms": round(timed.median, 6), "calls": len(timed.calls)},
        **{"p50_lower_ms": round(lower, 6), "p50_upper_ms": round(upper, 6)},
        "stopped_because": timed.stopped_because,
    }


def untimed_row(plan: Plan, task: LatencyTask) -> Latency:
    """The row of a task before it is timed."""
    method, place = plan.configuration.classes[task.method], task.place
    return Latency(
        method=task.method,
        members="" if task.size is None else str(task.size),
        batch_size=task.batch_size,
        device=place.device,
        device_name=place.device_name,
        threads=place.threads,
        engine=place.engine if method.pooled else SELF_TRAINED,
        mode=mode(method, place),
        clock=WALL,
        training_s=task.training_s,
        reason="" if method.pooled else RANDOMLY_FITTED,
        **VERSIONS,
    )


def mode(method: type[UncertaintyMethod], place: TimedOn) -> str:
    """How the method's members are evaluated; see `Latency`."""
    if method.pooled and place.engine == "numba":
        return "kernels"
    if method not in METHODS.values():
        return "custom"
    if method.size is None:
        return "single"
    if "dropout" in method.needs:
        return "batched"
    # As PyTorch's engine does: on the CPU whole networks are faster one by one. Versions of an
    # image are never stacked.
    has_several_networks = method.counts_networks or "training" in method.needs
    return "batched" if has_several_networks and place.device != "cpu" else "loop"


def _absent_rows(plan: Plan, places: list[TimedOn]) -> Iterator[Latency]:
    """A row for everything that this machine lacks, or that would take too long there."""
    for name, method in plan.configuration.classes.items():
        for place, size in product(places, plan.configuration.batch_sizes):
            if name in SLOW and size > 1 and _concerns(method, place, [place]):
                row = untimed_row(plan, LatencyTask(name, None, place, size))
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


def _measured_earlier(earlier: pd.DataFrame, plan: Plan, task: LatencyTask) -> list[Latency]:
    """The rows of a task that were measured earlier, with the training time known now."""
    row = untimed_row(plan, task)
    trained = {} if row.training_s is None else {"training_s": row.training_s}
    wanted = {name: value for name in IDENTITY if (value := getattr(row, name)) != ""}
    return [
        Latency(**{str(name): value for name, value in record.items()} | trained)
        for record in where(earlier, **wanted).to_dict("records")
    ]
