"""What is timed where, on which images, and whether it was before: by each engine and GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import isnan
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor

from benchmarks.environment import processor, version_of
from benchmarks.io import UserError
from benchmarks.run.configuration import SLOW, Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import TABLES, read_table, table_of
from methods import UncertaintyMethod
from methods.determinism import derive_seed
from methods.engines import EngineName, has_kernels, unsupported
from methods.networks.recipes import LabelledImages
from methods.pooled import PooledMethod

VERSIONS: dict[str, Any] = {
    "torch_version": torch.__version__,
    "cuda_version": torch.version.cuda or "",
    "numba_version": version_of("numba") or "",
}


@dataclass(frozen=True)
class Setup:
    """What evaluates the networks, how many threads torch has beside it, and where."""

    device: str
    device_name: str
    threads: int
    engine: EngineName


@dataclass(frozen=True)
class LatencyTask:
    """A method of one size, timed in one setup on one batch size.

    Attributes:
        training_s: see `benchmarks.schema.Latency`.
    """

    method: str
    size: int | None
    setup: Setup
    batch_size: int
    training_s: float | None = None


def setups(plan: Plan) -> list[Setup]:
    """The CPU with one thread and with all, by each engine there is; and each CUDA device."""
    name, every = f"{processor()}, {os.cpu_count()} cores", torch.get_num_threads()
    fast = has_kernels() and not unsupported(plan.task.recipes[:1])
    engines: list[EngineName] = ["numba", "torch"] if fast else ["torch"]
    return [
        *(Setup("cpu", name, n, engine) for engine in engines for n in sorted({1, every})),
        *(
            Setup(f"cuda:{i}", torch.cuda.get_device_name(i), every, "torch")
            for i in range(torch.cuda.device_count())
        ),
    ]


def latency_tasks(
    plan: Plan, workspace: Workspace, trained_on: str | None, available: list[Setup]
) -> Iterator[LatencyTask]:
    """Every method's largest size everywhere; smaller ones on GPUs and, on the CPU, less often.

    There by the run's own engine alone, on one thread, at the smallest and the largest batch size.

    Args:
        available: where methods are timed.
        trained_on: the fingerprint of the training images, by which stored networks are found.
    """
    chosen = plan.configuration
    main = next((setup for setup in available if setup.engine == chosen.engine), available[0])
    seconds = _training_seconds(plan, workspace, trained_on)
    for setup, (name, method) in product(available, chosen.classes.items()):
        if not concerns(method, setup, available):
            continue
        sizes = chosen.sizes(method, chosen.recipes[0]) or (None,)
        for size, batch_size in product(sizes, chosen.batch_sizes):
            at_an_end = batch_size in (min(chosen.batch_sizes), max(chosen.batch_sizes))
            everywhere = size == sizes[-1] or setup.device != "cpu"
            if not (everywhere or (setup == main and at_an_end)):
                continue
            if batch_size == 1 or name not in SLOW:
                there = _networks_are_trained_there(setup, chosen)
                known = seconds.get((name, size)) if there else None
                yield LatencyTask(name, size, setup, batch_size, known)


def concerns(method: type[UncertaintyMethod], setup: Setup, available: list[Setup]) -> bool:
    """Whether the setup makes a difference to the method."""
    if method.kernels_only:
        return setup.engine == "numba" and setup.threads == 1
    # A method that trains itself computes for itself, whatever the engine.
    return method.pooled or setup.device != "cpu" or setup.engine == available[0].engine


def _networks_are_trained_there(setup: Setup, chosen: Configuration) -> bool:
    """By the setup's engine, on its device, which torch may call by its kind alone."""
    return (setup.engine, setup.device.removesuffix(":0")) == (chosen.engine, chosen.device)


def _training_seconds(
    plan: Plan, workspace: Workspace, trained_on: str | None
) -> dict[tuple[str, int | None], float]:
    """How long the networks of each method and size took to train, where that is known."""
    chosen, seconds = plan.configuration, {}
    pool = plan.pool(chosen.recipes[0], workspace.store)
    for name, method in chosen.classes.items():
        for size in chosen.sizes(method, chosen.recipes[0]) or (None,):
            if trained_on and method.pooled:
                built = cast(PooledMethod, method.build(pool, size=size))
                known = pool.training_seconds(built.networks, trained_on)
                if built.trajectory is not None:
                    known += pool.snapshot_seconds(built.trajectory, built.replicate, trained_on)
                seconds[name, size] = round(known, 2)
    return {variant: known for variant, known in seconds.items() if not isnan(known)}


def random_images(plan: Plan, count: int) -> Tensor:
    """So many images of the task's shape, in [0, 1]; the same for the same number."""
    seed = derive_seed("latency", plan.configuration.seed, count)
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *plan.task.shape, generator=generator)


def random_training_images(plan: Plan, count: int | None = None) -> LabelledImages:
    """As many as the task has for training, or so many, with every label equally often."""
    images = random_images(plan, plan.task.training_images if count is None else count)
    return LabelledImages(images, torch.arange(len(images)) % len(plan.task.classes))


def read_rows(folder: Path, name: str) -> pd.DataFrame:
    """The rows that were measured in a folder; none where there is no such file.

    None where it is damaged or of an earlier version either, since timing anew takes seconds.
    """
    try:
        return read_table(folder, name)
    except UserError:
        return table_of(TABLES[name], ())
