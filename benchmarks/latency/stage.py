"""The stage `latency`: every method timed on every device, `latency.csv`.

It needs neither data nor trained networks, since latency does not depend on the weights: networks
are those of the task's first recipe before their first step, images are random. So it runs on a
machine that has little more than PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from itertools import chain, groupby
from math import isnan
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from benchmarks.latency.cost import allocated, network_cost, peak_memory, state_bytes
from benchmarks.latency.score_cost import time_scores
from benchmarks.latency.setups import (
    VERSIONS,
    LatencyTask,
    Setup,
    concerns,
    latency_tasks,
    random_images,
    random_training_images,
    read_rows,
    setups,
)
from benchmarks.latency.stopwatch import WALL, Limits, Timed, stopwatch
from benchmarks.progress import tracked
from benchmarks.run.configuration import PRESETS, SLOW
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Failure, Workspace, compile_once, fit, reason_of
from benchmarks.schema import Latency, members_text, table_of, where, write_table
from benchmarks.vocabulary import LATENCY, LATENCY_CSV, SELF_TRAINED
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import torch_threads
from methods.engines import choose_engine, has_kernels
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

IDENTITY = (
    *("method", "members", "batch_size", "device", "device_name", "threads", "engine", "mode"),
    *("torch_version", "cuda_version", "numba_version", "status"),
)
"""The columns that distinguish what is timed, where, and by which versions."""


def time_methods(plan: Plan, workspace: Workspace, trained_on: str | None = None) -> list[Failure]:
    """Time what is not in `latency.csv` yet, one after the other, and scores; what failed, and why.

    Rows of this machine and these versions are kept, so that a run goes on where it was stopped;
    delete the file to time everything anew.

    Args:
        trained_on: the fingerprint of the training images, by which stored networks are found.
    """
    available = setups(plan)
    if any(setup.engine == "numba" for setup in available):
        compile_once()
    classes = plan.configuration.classes
    earlier = read_rows(workspace.out, LATENCY_CSV)
    rows = {
        task: rows_measured(earlier, row_of(classes[task.method], task))
        for task in latency_tasks(plan, workspace, trained_on, available)
    }
    missing = [task for task, measured in rows.items() if not measured]
    absent = list(absent_rows(plan, available))
    _write(rows, absent, workspace)
    failures = []
    for task, timed in tracked(_timed(plan, missing), len(missing), LATENCY, "timings"):
        rows[task] = timed
        _write(rows, absent, workspace)
        failures += [
            Failure(f"{task.method} on {row.device}, batch size {row.batch_size}", row.reason)
            for row in timed
            if row.status == "failed"
        ]
    time_scores(plan, workspace, PRESETS[plan.configuration.preset].limits)
    return failures


def _write(
    rows: Mapping[LatencyTask, list[Latency]], absent: list[Latency], workspace: Workspace
) -> None:
    table = table_of(Latency, chain(*rows.values(), absent))
    write_table(table, workspace.out, LATENCY_CSV)


def _timed(plan: Plan, tasks: list[LatencyTask]) -> Iterator[tuple[LatencyTask, list[Latency]]]:
    """The rows of each task, those of a custom method from processes of its own."""
    for (name, _, _), some in groupby(tasks, lambda t: (t.method, t.size, t.setup)):
        timed = _timed_apart if plan.is_custom(name) else _timed_together
        yield from timed(plan, list(some))


def _timed_apart(
    plan: Plan, tasks: list[LatencyTask]
) -> Iterator[tuple[LatencyTask, list[Latency]]]:
    """The same in another process; if that ends before it is done, all have failed."""
    try:
        yield from in_own_process(partial(_all_timed, plan, tasks), variables={})
    except ProcessEndedError as error:
        for task in tasks:
            row = row_of(plan.configuration.classes[task.method], task)
            yield task, [replace(row, status="failed", reason=reason_of(error))]


def _all_timed(plan: Plan, tasks: list[LatencyTask]) -> list[tuple[LatencyTask, list[Latency]]]:
    return list(_timed_together(plan, tasks))


def _timed_together(
    plan: Plan, tasks: list[LatencyTask]
) -> Iterator[tuple[LatencyTask, list[Latency]]]:
    """The rows of tasks for all of which a method is fitted once: batch sizes on one setup."""
    limits = PRESETS[plan.configuration.preset].limits
    name, size, setup = tasks[0].method, tasks[0].size, tasks[0].setup
    method = plan.configuration.classes[name]
    fitted = cache(partial(_fitted, plan, method, size, setup))
    before = allocated(setup.device)
    for task in tasks:
        row = row_of(method, task)
        try:
            with torch_threads(setup.threads):
                ready, seconds = fitted()
                row = replace(row, fit_s=round(seconds, 3), state_bytes=state_bytes(ready))
                rows = _time(ready, _images(plan, task, method), row, limits)
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
    plan: Plan, method: type[UncertaintyMethod], size: int | None, setup: Setup
) -> tuple[UncertaintyMethod, float]:
    """The method, fitted on random images, and in how many seconds.

    What it takes from the pool is untrained.
    """
    engine = choose_engine(setup.engine, setup.device)
    pool = UntrainedPool(recipe=plan.task.recipes[0], seed=plan.configuration.seed, engine=engine)
    learns = method in METHODS.values() and method.fit is not PooledMethod.fit
    count = plan.task.training_images if learns else FITTED_ON
    random = random_training_images(plan, count)
    some = plan.task.calibration_images if learns else count
    held_out = LabelledImages(random.images[:some], random.labels[:some]) if some else None
    built, begun = method.build(pool, size=size), perf_counter()
    fitted = fit(built, random, held_out)
    return fitted, perf_counter() - begun


def _images(plan: Plan, task: LatencyTask, method: type[UncertaintyMethod]) -> Tensor:
    """On the setup's device for the pool's networks; a self-trained method gets them on the CPU."""
    images = random_images(plan, task.batch_size)
    return images.to(task.setup.device) if method.pooled else images


def _time(method: UncertaintyMethod, images: Tensor, row: Latency, limits: Limits) -> list[Latency]:
    """The row with each clock's numbers; memory is measured apart, not to disturb the clock."""
    call = partial(method.predict, images)
    timed = stopwatch(call, limits, device=row.device)
    peak = peak_memory(call, device=row.device)
    cost = network_cost(method)
    members = method.predict(images[:1]).members
    common = replace(
        row,
        members=members_text(members),
        peak_memory_mb=None if peak.megabytes is None else round(peak.megabytes, 3),
        **(cost._asdict() if cost else {}),
        reason="; ".join(filter(None, (row.reason, peak.reason))),
    )
    return [replace(common, **_numbers(clock, len(images))) for clock in timed]


def _numbers(timed: Timed, images: int) -> dict[str, Any]:
    milliseconds = {
        "p50_ms": timed.median,
        "p50_lower_ms": timed.interval[0],
        "p50_upper_ms": timed.interval[1],
        "p90_ms": timed.percentile(90),
        "p99_ms": timed.percentile(99),
    }
    return {
        "clock": timed.clock,
        **{name: None if isnan(ms) else round(ms, 6) for name, ms in milliseconds.items()},
        "images_per_s": round(1000 * images / timed.median, 2),
        "calls": len(timed.calls),
        "stopped_because": timed.stopped_because,
    }


def row_of(method: type[UncertaintyMethod], task: LatencyTask) -> Latency:
    """The row of a task before it is timed."""
    setup = task.setup
    return Latency(
        method=task.method,
        members="" if task.size is None else str(task.size),
        batch_size=task.batch_size,
        device=setup.device,
        device_name=setup.device_name,
        threads=setup.threads,
        engine=setup.engine if method.pooled else SELF_TRAINED,
        mode=mode(method, setup),
        clock=WALL,
        training_s=task.training_s,
        reason="" if method.pooled else RANDOMLY_FITTED,
        **VERSIONS,
    )


def mode(method: type[UncertaintyMethod], setup: Setup) -> str:
    """How the method's members are evaluated; see `Latency`."""
    if method.pooled and setup.engine == "numba":
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
    return "batched" if has_several_networks and setup.device != "cpu" else "loop"


def absent_rows(plan: Plan, available: list[Setup]) -> Iterator[Latency]:
    """A row for everything that this machine lacks, or that would take too long there."""
    for name, method in plan.configuration.classes.items():
        for setup in available if name in SLOW else ():
            for size in plan.configuration.batch_sizes:
                if size > 1 and concerns(method, setup, [setup]):
                    row = row_of(method, LatencyTask(name, None, setup, size))
                    members = "exact" if method.exact else row.members
                    yield replace(
                        row, members=members, status="not applicable", reason=SINGLE_IMAGES
                    )
        lacking = []
        if method.pooled and not has_kernels():
            lacking.append(("cpu", "numba", NO_KERNELS))
        if not torch.cuda.is_available():
            lacking.append(("cuda", "torch", NO_GPU))
        for device, engine, reason in lacking:
            yield Latency(
                *(name, "", None, device, "", None, engine, "", ""),
                status="unavailable",
                reason=reason,
                **VERSIONS,
            )


def rows_measured(earlier: pd.DataFrame, row: Latency) -> list[Latency]:
    """The rows of the same identity that were measured earlier, with this row's training time."""
    trained = {} if row.training_s is None else {"training_s": row.training_s}
    wanted = {name: value for name in IDENTITY if (value := getattr(row, name)) != ""}
    rows = where(earlier, **wanted).to_dict("records")
    return [Latency(**{str(name): value for name, value in one.items()} | trained) for one in rows]
