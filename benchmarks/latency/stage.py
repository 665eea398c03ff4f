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

from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.files import path_of
from benchmarks.latency.cost import allocated, network_cost, peak_memory, state_bytes
from benchmarks.latency.rows import (
    FITTED_ON,
    absent_rows,
    read_rows,
    row_of,
    rows_measured,
)
from benchmarks.latency.score_cost import time_scores
from benchmarks.latency.setups import (
    LatencyTask,
    Setup,
    latency_tasks,
    random_images,
    random_training_images,
    setups,
)
from benchmarks.latency.stopwatch import Limits, Timed, stopwatch
from benchmarks.nouns import Names
from benchmarks.progress import tracked
from benchmarks.report import write_latency_tables
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.failure import Failure, reason_of
from benchmarks.run.fitting import compile_once, fit
from benchmarks.run.folder import held, remove_half_written
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.presets import PRESETS
from benchmarks.run.record import RunRecord, earlier_record
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Latency, members_text, table_of, write_table
from benchmarks.vocabulary import LATENCY, LATENCY_CSV, NOUNS_JSON, SUMMARY_CSV
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.engines.choice import choose_engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import UntrainedPool
from methods.threads import torch_threads

ELSEWHERE = "does not use this device"


def time_alone(plan: Plan, workspace: Workspace, *, overwrite: bool = False) -> list[Failure]:
    """The stage by itself, without importing what the others need, and the tables of its times.

    Raises:
        UserError: the output folder holds something else than this run, is being written by
            another, or holds published results, whose record of another machine would be lost.
    """
    out = workspace.out
    earlier_record(plan, out, overwrite=overwrite, only=LATENCY)
    if path_of(out, SUMMARY_CSV).exists() and not workspace.predictions.folder.exists():
        raise UserError(
            f"{out} holds results without predictions, perhaps from another machine; choose "
            "another folder with --out"
        )
    with held(out):
        remove_half_written(out)
        record = RunRecord.begin(plan, workspace, overwrite=overwrite)
        measured = Names.read(out).metrics if (out / NOUNS_JSON).exists() else ()
        nouns_of(plan, measured).write(out)
        with record.timed(LATENCY):
            failures = time_methods(plan, workspace, record.trained_on(plan))
        write_latency_tables(out)
    return failures


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
    """The same in another process; if that ends before it is done, each task in one of its own."""
    try:
        yield from in_own_process(partial(_all_timed, plan, tasks), variables={})
    except ProcessEndedError as error:
        if len(tasks) > 1:
            for task in tasks:
                yield from _timed_apart(plan, [task])
        else:
            row = row_of(plan.configuration.classes[tasks[0].method], tasks[0])
            yield tasks[0], [replace(row, status="failed", reason=reason_of(error))]


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
