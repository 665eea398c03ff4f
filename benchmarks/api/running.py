"""A run of the suite from Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from benchmarks.api.arguments import (
    ArgumentError,
    as_library,
    require_one_of,
    require_whole,
)
from benchmarks.api.results import BenchmarkResults, results_in
from benchmarks.io import existing_folder
from benchmarks.progress import progress_shown
from benchmarks.run.configuration import (
    DEFAULT_TASK,
    NETWORKS,
    PRESETS,
    Configuration,
    Scores,
    chosen_configuration,
    fitting_device,
    fitting_jobs,
)
from benchmarks.run.plan import Plan
from benchmarks.run.record import require_apart
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.vocabulary import MEASURE, PREDICT, STAGES, TRAIN
from methods.engines import EngineName, EngineOption

Names = str | Iterable[str] | None

OWN = ("preset", "task", "recipes", "methods", "conditions", "seed", "device", "engine")
"""The parts of a configuration that are arguments of their own."""

OF_NUMBERS, OF_NAMES = ("members", "passes", "batch_sizes"), ("in_depth", "custom_methods")
"""Other parts that are several values."""

DEVICES, ENGINES = ("auto", "cpu", "cuda"), ("auto", *get_args(EngineName))


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
    engine: EngineOption = "auto",
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
        TypeError: there is no such argument, or a value is of another type.
        ArgumentError: a value is unknown or out of range, or the choices do not fit together.
    """
    chosen = _choices(choices) | {
        name: _names(name, value)
        for name, value in (("methods", methods), ("recipes", recipes), ("conditions", conditions))
    }
    for argument, name, known in (
        ("preset", preset, PRESETS),
        ("device", device, DEVICES),
        ("engine", engine, ENGINES),
    ):
        require_one_of(argument, name, known)
    require_whole("seed", seed)
    _require_jobs(jobs)
    found = fitting_device(device)
    plan = Plan(chosen_configuration(preset, task, chosen, seed=seed, device=found, engine=engine))
    done = _in_order(_names("stages", stages) or ())
    with TemporaryDirectory(prefix="uncertainty-bench-") as temporary, progress_shown(progress):
        folder = Path(temporary) / "out" if out is None else Path(out)
        stored = Path(networks or (Path(temporary) / "networks" if out is None else NETWORKS))
        data = _existing(data_dir)
        require_apart(folder, networks=stored, data_dir=data)
        workspace = Workspace(
            out=folder,
            networks=existing_folder("--networks", stored),
            data_dir=data,
            jobs=jobs or fitting_jobs(found),
        )
        failures: list[Failure] = []
        for position, stage in enumerate(done):
            first = overwrite and not position
            failures += run_stages(plan, workspace, stage, overwrite=first)
        return results_in(folder, tuple(dict.fromkeys(failures)))


def _require_jobs(jobs: int | None) -> None:
    if jobs is not None:
        require_whole("jobs", jobs)
        if jobs < 1:
            raise ArgumentError(f"jobs: {jobs} is too small; expected at least 1")


def _choices(given: dict[str, Any]) -> dict[str, Any]:
    """Other parts of the configuration."""
    known = [field.name for field in fields(Configuration) if field.name not in OWN]
    if unknown := [name for name in given if name not in known]:
        raise TypeError(
            f"run_benchmark: unknown argument {unknown[0]!r}; further choices are "
            f"{', '.join(known)}"
        )
    return {name: _choice(name, value) for name, value in given.items() if value is not None}


def _choice(name: str, value: Any) -> Any:
    if name in OF_NAMES:
        return _names(name, value)
    if name == "scores":
        require_one_of(name, value, get_args(Scores))
        return value
    numbers = _several(value)
    require_whole(name, *numbers)
    return numbers if name in OF_NUMBERS else value


def _names(argument: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = _several(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: {name!r} is a {type(name).__name__}; expected a name")
    return names


def _several(value: Any) -> tuple[Any, ...]:
    """One value or several, as a tuple."""
    alone = isinstance(value, str) or not isinstance(value, Iterable)
    return (value,) if alone else tuple(value)


def _in_order(stages: Sequence[str]) -> list[str]:
    """Each needs the files of those before it."""
    if not stages:
        raise ArgumentError(f"stages: nothing is chosen; choose from {', '.join(STAGES)}")
    for name in stages:
        require_one_of("stages", name, STAGES)
    return [name for name in STAGES if name in stages]


def _existing(data_dir: str | Path | None) -> Path | None:
    if data_dir is not None and not Path(data_dir).is_dir():
        raise ArgumentError(f"data_dir {data_dir}: there is no such folder")
    return None if data_dir is None else Path(data_dir)
