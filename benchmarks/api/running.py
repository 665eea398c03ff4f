"""A run of the suite from Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks.api.errors import ArgumentError, as_library
from benchmarks.api.results import BenchmarkResults, results_in
from benchmarks.files import existing_folder, writable_folder
from benchmarks.progress import progress_shown
from benchmarks.run.configuration import DEFAULT_TASK, PRESETS, Configuration
from benchmarks.run.configuration.chosen import chosen_configuration
from benchmarks.run.configuration.machine import NETWORKS, fitting_device, fitting_jobs
from benchmarks.run.failure import Failure
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import MEASURE, PREDICT, STAGES, TRAIN
from methods.engines.choice import Choice

Names = str | Iterable[str] | None

OWN = ("preset", "task", "recipes", "methods", "conditions", "seed", "device", "engine")
"""The parts of a configuration that are arguments of their own."""

OF_SEVERAL = ("members", "passes", "in_depth", "custom_methods", "batch_sizes")
"""Other parts that are several values."""


@as_library()
def run_benchmark(
    task: str = DEFAULT_TASK,
    methods: Names = None,
    *,
    preset: str = "quick",
    recipes: Names = None,
    conditions: Names = None,
    stages: Names = (TRAIN, PREDICT, MEASURE),
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    engine: Choice = "auto",
    data_dir: str | Path | None = None,
    networks: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
    progress: bool = False,
    **choices: Any,
) -> BenchmarkResults:
    """Train, predict and measure, as ``uncertainty-bench`` does; the same numbers come out.

    Args:
        task: what is classified, by name.
        methods, recipes, conditions: names; by default the preset's.
        preset: the default of all other choices.
        stages: what is done. A page and figures as files need ``report``, and ``out``.
        seed: of all random choices.
        device, engine: where and by what networks are trained and evaluated.
        data_dir: your own folder of data sets. Others are fetched into the cache.
        networks: where trained networks are stored, and found again; by default in a temporary
            folder, or in the cache where ``out`` is given.
        out: where to write the run; the same call continues it. By default a temporary folder.
        overwrite: whether to remove an earlier run from ``out``.
        jobs: how many workers compute in parallel; by default one a core.
        progress: whether to show it on the standard error.
        choices: other parts of `benchmarks.run.configuration.Configuration`, such as ``epochs``,
            ``members``, ``passes``, ``replicates``, ``images`` and ``resamples``.

    Returns:
        What `load_results` gives of the folder, and what failed. Without the stage ``measure`` it
        has no tables.

    Raises:
        TypeError: there is no such argument.
        ArgumentError: a value is unknown or out of range, or the choices do not fit together.
    """
    chosen = _choices(choices) | {
        name: _several(value)
        for name, value in (("methods", methods), ("recipes", recipes), ("conditions", conditions))
    }
    if preset not in PRESETS:
        raise ArgumentError(f"preset: unknown name {preset!r}; choose from {', '.join(PRESETS)}")
    if jobs is not None and jobs < 1:
        raise ArgumentError(f"jobs: {jobs} is too small; expected at least 1")
    found = fitting_device(device)
    plan = Plan(chosen_configuration(preset, task, chosen, seed=seed, device=found, engine=engine))
    done = _in_order(_several(stages) or ())
    with TemporaryDirectory(prefix="uncertainty-bench-") as temporary, progress_shown(progress):
        folder = Path(temporary) / "out" if out is None else Path(out)
        stored = networks or (Path(temporary) / "networks" if out is None else NETWORKS)
        workspace = Workspace(
            out=writable_folder("--out", folder),
            networks=existing_folder("--networks", Path(stored)),
            data_dir=_existing(data_dir),
            jobs=jobs or fitting_jobs(found),
        )
        failures: list[Failure] = []
        for position, stage in enumerate(done):
            first = overwrite and not position
            failures += run_stages(plan, workspace, stage, overwrite=first)
        return results_in(folder, tuple(dict.fromkeys(failures)))


def _choices(given: dict[str, Any]) -> dict[str, Any]:
    """Other parts of the configuration."""
    known = [field.name for field in fields(Configuration) if field.name not in OWN]
    if unknown := [name for name in given if name not in known]:
        raise TypeError(
            f"run_benchmark: unknown argument {unknown[0]!r}; further choices are "
            f"{', '.join(known)}"
        )
    return {name: _several(value) if name in OF_SEVERAL else value for name, value in given.items()}


def _several(value: Any) -> tuple[Any, ...] | None:
    """One value or several, as a tuple."""
    if value is None:
        return None
    return (value,) if isinstance(value, (str, int)) else tuple(value)


def _in_order(stages: Sequence[str]) -> list[str]:
    """Each needs the files of those before it."""
    for name in stages:
        if name not in STAGES:
            raise ArgumentError(f"stages: unknown stage {name!r}; choose from {', '.join(STAGES)}")
    return [name for name in STAGES if name in stages]


def _existing(data_dir: str | Path | None) -> Path | None:
    if data_dir is not None and not Path(data_dir).is_dir():
        raise ArgumentError(f"data_dir {data_dir}: there is no such folder")
    return None if data_dir is None else Path(data_dir)
