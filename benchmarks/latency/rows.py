"""The rows of `latency.csv`: how they begin, and which of them were measured before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.environment import version_of
from benchmarks.errors import UserError
from benchmarks.latency.setups import LatencyTask, Setup, concerns
from benchmarks.latency.stopwatch import WALL
from benchmarks.run.plan import Plan
from benchmarks.run.presets import SLOW
from benchmarks.schema import TABLES, Latency, read_table, table_of, where
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

VERSIONS: dict[str, Any] = {
    "torch_version": torch.__version__,
    "cuda_version": torch.version.cuda or "",
    "numba_version": version_of("numba") or "",
}

IDENTITY = (
    *("method", "members", "batch_size", "device", "device_name", "threads", "engine", "mode"),
    *("torch_version", "cuda_version", "numba_version", "status"),
)
"""The columns that distinguish what is timed, where, and by which versions."""


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


def read_rows(folder: Path, name: str) -> pd.DataFrame:
    """The rows that were measured in a folder; none where there is no such file.

    None where it is damaged or of an earlier version either, since timing anew takes seconds.
    """
    try:
        return read_table(folder, name)
    except UserError:
        return table_of(TABLES[name], ())
