"""The stage `latency`: every method timed on every device, `latency.csv`.

It needs neither data nor trained networks, since how long an answer takes does not depend on the
weights: networks are those of the recipe `standard` before their first step, images are random. So
it runs on a machine that has little more than PyTorch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, partial
from itertools import chain, groupby, product
from math import isnan
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor

from benchmarks.environment import processor, version_of
from benchmarks.errors import UserError
from benchmarks.latency.network_cost import network_cost
from benchmarks.latency.peak_memory import allocated, peak_memory
from benchmarks.latency.stopwatch import WALL, Limits, Timed, stopwatch
from benchmarks.progress import tracked
from benchmarks.records import members_text, write_table
from benchmarks.report import write_latency_tables
from benchmarks.run.compilation import compile_once
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import LATENCY, LATENCY_CSV, SUMMARY_CSV
from methods import METHODS, Entry, UncertaintyMethod
from methods.engines.choice import EngineName, choose_engine, has_kernels
from methods.networks.pool import NetworkPool
from methods.networks.recipes import STANDARD
from methods.networks.training import initial_network
from methods.pooled import PooledMethod
from methods.seeds import derive_seed
from methods.threads import torch_threads

LIMITS = {"quick": Limits(seconds=0.15), "full": Limits(seconds=1.5)}
"""Of a method of a size, on a batch, on a device; by preset."""

FITTED_ON = 1000
"""Random images that a user's method is fitted on."""

NO_GPU = "no GPU on this machine"
ELSEWHERE = "does not use this device"
NO_KERNELS = "Numba is not installed"
OWN_ENGINE = "self-trained"
SINGLE_IMAGES = "about a second an image: only single images are timed"
RANDOMLY_FITTED = (
    f"fitted on {FITTED_ON:,} random images: slower if its cost grows with the training set"
)


@dataclass(frozen=True)
class Latency:
    """One row of `latency.csv`: what one clock showed, or the reason why nothing was timed.

    Attributes:
        method, members: what was asked; ``members`` as in `summary.csv`, empty where unknown.
        batch_size: images asked about by a call.
        device, device_name: in torch's words, and the device's full name.
        threads: of torch on the CPU. The kernels use one whatever this is.
        engine: ``numba``, ``torch``, or ``own`` where a user's method computes for itself.
        mode: how the members are asked: by ``kernels``, a ``single`` one, in a ``loop`` or, all
            at once, ``stacked`` (see `methods.engines.torch`); ``own`` where a user's method
            decides.
        clock: ``wall`` or ``device``; see `benchmarks.latency.stopwatch`.
        p50_ms, p50_lower_ms, p50_upper_ms: median of the calls, and its 95 % interval.
        p90_ms, p99_ms: percentiles, from 30 and 300 calls.
        images_per_s: the batch divided by the median.
        peak_memory_mb: see `benchmarks.latency.peak_memory`.
        calls, stopped_because: how many calls were timed, and why no more.
        parameters, multiply_adds, weight_bytes: see `benchmarks.latency.network_cost`.
        training_s: wall seconds of training the method's networks by the run's first recipe,
            added up, where this engine trained them on this device; see `TrainedNetwork.seconds`.
        torch_version, cuda_version, numba_version: empty where there is none.
        status, reason: as in `benchmarks.records.Measurement`.
    """

    method: str
    members: str
    batch_size: int | None
    device: str
    device_name: str
    threads: int | None
    engine: str
    mode: str
    clock: str = WALL
    p50_ms: float | None = None
    p50_lower_ms: float | None = None
    p50_upper_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    images_per_s: float | None = None
    peak_memory_mb: float | None = None
    calls: int | None = None
    stopped_because: str = ""
    parameters: int | None = None
    multiply_adds: int | None = None
    weight_bytes: int | None = None
    training_s: float | None = None
    torch_version: str = torch.__version__
    cuda_version: str = torch.version.cuda or ""
    numba_version: str = version_of("numba") or ""
    status: str = "ok"
    reason: str = ""


IDENTITY = (
    *("method", "members", "batch_size", "device", "device_name", "threads", "engine", "mode"),
    *("torch_version", "cuda_version", "numba_version", "status"),
)
"""What tells apart what is timed, where, and by which versions."""

COLUMNS = [field.name for field in fields(Latency)]


@dataclass(frozen=True)
class Setup:
    """What computes the networks, how many threads torch has beside it, and where."""

    device: str
    device_name: str
    threads: int
    engine: EngineName


@dataclass(frozen=True)
class LatencyTask:
    """What is timed in one go; ``training_s`` as in `Latency`."""

    method: str
    size: int | None
    setup: Setup
    batch_size: int
    training_s: float | None = None


def time_alone(
    plan: Plan, workspace: Workspace, *, overwrite: bool = False
) -> list[tuple[str, str]]:
    """The stage by itself, without importing what the others need, and the tables of its times.

    Raises:
        UserError: the output folder belongs to another configuration, or holds published results,
            whose record of another machine would be lost.
    """
    out = workspace.out
    if (out / SUMMARY_CSV).exists() and not workspace.predictions.folder.exists() and not overwrite:
        raise UserError(
            f"{out} holds results without their predictions, perhaps of another machine; choose "
            "another folder with --out"
        )
    record = RunRecord.begin(plan, workspace, overwrite=overwrite)
    with record.timed(LATENCY):
        failures = time_methods(plan, workspace, record.trained_on)
    write_latency_tables(workspace.out)
    return failures


def time_methods(
    plan: Plan, workspace: Workspace, trained_on: str | None = None
) -> list[tuple[str, str]]:
    """Time what is not in `latency.csv` yet, one after the other; what failed, and why.

    Rows of this machine and these versions are kept, so that a run goes on where it was stopped;
    delete the file to time everything anew.

    Args:
        trained_on: the fingerprint of the training images, by which stored networks are found.
    """
    if has_kernels():
        compile_once()
    path = workspace.out / LATENCY_CSV
    earlier = _read(path)
    rows = {task: _kept(earlier, task, plan) for task in _tasks(plan, workspace, trained_on)}
    missing = [task for task, kept in rows.items() if not kept]
    absent = [asdict(row) for row in _absent(plan)]
    _write([*chain.from_iterable(rows.values()), *absent], path)
    failures = []
    for task, timed in tracked(_timed(plan, missing), len(missing), LATENCY, "timings"):
        rows[task] = list(map(asdict, timed))
        _write([*chain.from_iterable(rows.values()), *absent], path)
        failures += [
            (f"{task.method} on {row.device}, batch size {row.batch_size}", row.reason)
            for row in timed
            if row.status == "failed"
        ]
    return failures


def setups() -> list[Setup]:
    """The CPU with one thread and with all, by each engine there is; and each CUDA device."""
    name, every = f"{processor()}, {os.cpu_count()} cores", torch.get_num_threads()
    engines: list[EngineName] = ["numba", "torch"] if has_kernels() else ["torch"]
    return [
        *(Setup("cpu", name, n, engine) for engine in engines for n in sorted({1, every})),
        *(
            Setup(f"cuda:{i}", torch.cuda.get_device_name(i), every, "torch")
            for i in range(torch.cuda.device_count())
        ),
    ]


def _tasks(plan: Plan, workspace: Workspace, trained_on: str | None) -> Iterator[LatencyTask]:
    """Every method's largest size everywhere; smaller ones on GPUs and, on the CPU, less often.

    There by the run's own engine alone, on one thread, at the smallest and the largest batch size.
    """
    chosen, found = plan.configuration, setups()
    main = next((setup for setup in found if setup.engine == chosen.engine), found[0])
    seconds = _training_seconds(plan, workspace, trained_on)
    for setup, (name, entry) in product(found, chosen.entries.items()):
        if not _concerns(entry, setup, found):
            continue
        sizes = getattr(chosen, entry.size) if entry.size else (None,)
        for size, batch_size in product(sizes, chosen.batch_sizes):
            at_an_end = batch_size in (min(chosen.batch_sizes), max(chosen.batch_sizes))
            everywhere = size == max(sizes) or setup.device != "cpu"
            if not (everywhere or (setup == main and at_an_end)):
                continue
            if batch_size == 1 or not entry.exact:
                there = _networks_are_trained_there(setup, chosen)
                known = seconds.get((name, size)) if there else None
                yield LatencyTask(name, size, setup, batch_size, known)


def _networks_are_trained_there(setup: Setup, chosen: Configuration) -> bool:
    """By the setup's engine, on its device, which torch may call by its kind alone."""
    return (setup.engine, setup.device.removesuffix(":0")) == (chosen.engine, chosen.device)


def _training_seconds(
    plan: Plan, workspace: Workspace, trained_on: str | None
) -> dict[tuple[str, int | None], float]:
    """How long the networks of each method and size took to train, where that is known."""
    chosen, found = plan.configuration, {}
    pool = plan.pool(chosen.recipes[0], workspace.store)
    for name, entry in chosen.entries.items():
        for size in getattr(chosen, entry.size) if entry.size else (None,):
            if trained_on and entry.pooled:
                networks = cast(PooledMethod, entry.build(pool, size=size)).networks
                found[name, size] = round(pool.training_seconds(networks, trained_on), 2)
    return {variant: seconds for variant, seconds in found.items() if not isnan(seconds)}


def _concerns(entry: Entry, setup: Setup, found: list[Setup]) -> bool:
    """Whether the setup makes a difference to the method."""
    if entry.exact:
        return setup.engine == "numba" and setup.threads == 1
    # A user's method computes for itself, whatever asks the pool's networks.
    return entry.pooled or setup.device != "cpu" or setup.engine == found[0].engine


def _absent(plan: Plan) -> Iterator[Latency]:
    """A row for everything that this machine lacks, or that would take too long."""
    for name, entry in plan.configuration.entries.items():
        for setup in setups() if entry.exact else ():
            for size in plan.configuration.batch_sizes:
                if size > 1 and _concerns(entry, setup, [setup]):
                    row = _row(entry, LatencyTask(name, None, setup, size))
                    yield replace(
                        row, members="exact", status="not applicable", reason=SINGLE_IMAGES
                    )
        lacking = []
        if entry.pooled and not has_kernels():
            lacking.append(("cpu", "numba", NO_KERNELS))
        if not torch.cuda.is_available():
            lacking.append(("cuda", "torch", NO_GPU))
        for device, engine, reason in lacking:
            yield Latency(
                *(name, "", None, device, "", None, engine, ""),
                clock="",
                status="unavailable",
                reason=reason,
            )


def _timed(plan: Plan, tasks: list[LatencyTask]) -> Iterator[tuple[LatencyTask, list[Latency]]]:
    """The rows of each unit; a method is made ready once for all its batches in a row."""
    seed, limits = plan.configuration.seed, LIMITS[plan.configuration.preset]
    for (name, size, setup), some in groupby(tasks, lambda u: (u.method, u.size, u.setup)):
        entry = plan.configuration.entries[name]
        ready = cache(partial(_ready, entry, size, setup, seed))
        before = allocated(setup.device)
        for task in some:
            row = _row(entry, task)
            try:
                with torch_threads(setup.threads):
                    rows = _time(ready(), _images(task, entry, seed), row, limits)
                if not entry.pooled and _computes_elsewhere(rows[0], before):
                    row = replace(row, members=rows[0].members)
                    rows = [replace(row, status="not applicable", reason=ELSEWHERE)]
            # Whatever a method raises is its own failure; a batch may be too large for a device.
            except Exception as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                rows = [replace(row, status="failed", reason=reason)]
            yield task, rows


def _computes_elsewhere(timed: Latency, before: int) -> bool:
    """Whether a method on a GPU neither allocates nor holds more bytes there than before it."""
    idle = timed.peak_memory_mb == 0 and allocated(timed.device) <= before
    return idle and timed.device != "cpu"


def _ready(entry: Entry, size: int | None, setup: Setup, seed: int) -> UncertaintyMethod:
    """The method with networks that nobody trained, or fitted on random images."""
    pool = NetworkPool(seed=seed, engine=choose_engine(setup.engine, setup.device))
    method = entry.build(pool, size=size)
    if isinstance(method, PooledMethod):
        method.fitted = [initial_network(STANDARD, i, seed=seed) for i in method.networks]
        return method
    return method.fit(_random_images(FITTED_ON, seed), torch.arange(FITTED_ON) % 10)


def _images(task: LatencyTask, entry: Entry, seed: int) -> Tensor:
    """Resident where the pool's networks are asked; a user's method is given them on the CPU."""
    images = _random_images(task.batch_size, seed)
    return images.to(task.setup.device) if entry.pooled else images


def _random_images(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed("latency", seed, count))
    return torch.rand(count, 1, 28, 28, generator=generator)


def _time(method: UncertaintyMethod, images: Tensor, row: Latency, limits: Limits) -> list[Latency]:
    """The row with each clock's numbers; memory is watched apart, not to disturb the clock."""
    call = partial(method.predict, images)
    timed = stopwatch(call, limits, device=row.device)
    peak = peak_memory(call, device=row.device)
    cost = network_cost(method)
    members = method.predict(images[:1]).members
    about = replace(
        row,
        members=members_text(members),
        peak_memory_mb=None if peak.megabytes is None else round(peak.megabytes, 3),
        **(cost._asdict() if cost else {}),
        reason="; ".join(filter(None, (row.reason, peak.reason))),
    )
    return [replace(about, **_numbers(clock, len(images))) for clock in timed]


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


def _row(entry: Entry, task: LatencyTask) -> Latency:
    setup = task.setup
    return Latency(
        method=task.method,
        members="" if task.size is None else str(task.size),
        batch_size=task.batch_size,
        device=setup.device,
        device_name=setup.device_name,
        threads=setup.threads,
        engine=setup.engine if entry.pooled else OWN_ENGINE,
        mode=_mode(entry, setup),
        training_s=task.training_s,
        reason="" if entry.pooled else RANDOMLY_FITTED,
    )


def _mode(entry: Entry, setup: Setup) -> str:
    if not entry.pooled:
        return OWN_ENGINE
    if setup.engine == "numba":
        return "kernels"
    if entry.method.name not in METHODS:
        return OWN_ENGINE
    if entry.size is None:
        return "single"
    # As PyTorch's engine does: on the CPU whole networks are faster one by one.
    return "loop" if entry.size == "members" and setup.device == "cpu" else "stacked"


def _kept(earlier: pd.DataFrame, task: LatencyTask, plan: Plan) -> list[dict[str, Any]]:
    """The rows of the unit that this machine has measured already, and how long training took."""
    row = _row(plan.configuration.entries[task.method], task)
    trained = {} if row.training_s is None else {"training_s": str(row.training_s)}
    same = asdict(row).items()
    wanted = {name: str(value) for name, value in same if name in IDENTITY and value != ""}
    kept = earlier[(earlier[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return [
        {str(name): text for name, text in row.items()} | trained for row in kept.to_dict("records")
    ]


def _read(path: Path) -> pd.DataFrame:
    """The rows as text, so that those that are kept keep their bytes; none of other columns."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS, dtype=str)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError:  # damaged; timing anew takes seconds
        table = pd.DataFrame()
    return table if list(table) == COLUMNS else pd.DataFrame(columns=COLUMNS, dtype=str)


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    # As objects, since numbers beside a cell that has none would become fractions.
    write_table(pd.DataFrame(rows, columns=COLUMNS, dtype=object), path)
