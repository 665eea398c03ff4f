"""The rows of `latency.csv`: their columns, how they begin, reading and writing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.environment import version_of
from benchmarks.errors import UserError
from benchmarks.latency.setups import LatencyTask, Setup, concerns
from benchmarks.latency.stopwatch import WALL
from benchmarks.records import read_texts, write_table
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import SELF_TRAINED
from methods import METHODS, UncertaintyMethod
from methods.engines.choice import has_kernels

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


@dataclass(frozen=True)
class Latency:
    """What one clock showed, or the reason why nothing was timed.

    Attributes:
        method, members: ``members`` as in `summary.csv`, empty where unknown.
        batch_size: images of a call.
        device, device_name: in torch's words, and the device's full name.
        threads: of torch on the CPU. The kernels use one whatever this is.
        engine: ``numba``, ``torch``, or ``self-trained`` where a custom method computes for itself.
        mode: how the members are evaluated: by ``kernels``, a ``single`` one, in a ``loop`` or
            ``batched`` (see `methods.engines.torch`); ``custom`` where a custom method decides.
        clock: ``wall`` or ``device``; see `benchmarks.latency.stopwatch`.
        p50_ms, p50_lower_ms, p50_upper_ms: median of the calls, and its 95 % interval.
        p90_ms, p99_ms: percentiles, from 30 and 300 calls.
        images_per_s: the batch size divided by the median.
        peak_memory_mb: see `benchmarks.latency.peak_memory`.
        calls, stopped_because: how many calls were timed, and why no more.
        parameters, multiply_adds, weight_bytes: see `benchmarks.latency.network_cost`.
        training_s: wall seconds of training the method's networks by the run's first recipe,
            summed, where this engine trained them on this device; see `TrainedNetwork.seconds`.
            Further epochs of a method's own are among it.
        fit_s: wall seconds of fitting and calibrating with trained networks at hand.
        state_bytes: what the fitted method holds beyond its networks.
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
    fit_s: float | None = None
    state_bytes: int | None = None
    torch_version: str = torch.__version__
    cuda_version: str = torch.version.cuda or ""
    numba_version: str = version_of("numba") or ""
    status: str = "ok"
    reason: str = ""


IDENTITY = (
    *("method", "members", "batch_size", "device", "device_name", "threads", "engine", "mode"),
    *("torch_version", "cuda_version", "numba_version", "status"),
)
"""The columns that distinguish what is timed, where, and by which versions."""

COLUMNS = [field.name for field in fields(Latency)]


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
        training_s=task.training_s,
        reason="" if method.pooled else RANDOMLY_FITTED,
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
        for setup in available if method.slow else ():
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
                *(name, "", None, device, "", None, engine, ""),
                clock="",
                status="unavailable",
                reason=reason,
            )


def rows_measured(earlier: pd.DataFrame, row: Latency) -> list[dict[str, Any]]:
    """The rows of the same identity that were measured earlier, with this row's training time."""
    trained = {} if row.training_s is None else {"training_s": str(row.training_s)}
    of_row = asdict(row).items()
    wanted = {name: str(value) for name, value in of_row if name in IDENTITY and value != ""}
    same = earlier[(earlier[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return [
        {str(name): text for name, text in one.items()} | trained for one in same.to_dict("records")
    ]


def read_rows(path: Path) -> pd.DataFrame:
    """The rows as text, so that they are written again byte by byte; none of other columns."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS, dtype=str)
    try:
        table = read_texts(path)
    except UserError:  # damaged; timing anew takes seconds
        table = pd.DataFrame()
    return table if list(table) == COLUMNS else pd.DataFrame(columns=COLUMNS, dtype=str)


def write_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write `latency.csv`."""
    # As objects, since integers beside an empty cell would become fractions.
    write_table(pd.DataFrame(rows, columns=COLUMNS, dtype=object), path)
