"""Check a machine with a GPU: ``python -m benchmarks.gpu_check``; see docs/gpu.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import torch
import typer

from benchmarks.command_line import (
    NETWORKS,
    exit_status,
    fitting_device,
    named_folder,
)
from benchmarks.environment import commit, environment, suite_version
from benchmarks.files import writable_folder, write_json
from benchmarks.gpu_check.agreement import Agreement, agreement
from benchmarks.gpu_check.cuda_tests import CudaTests, require_tests, run_tests
from benchmarks.gpu_check.steps import attempted
from benchmarks.gpu_check.training_speed import TrainingSpeed, training_speed
from benchmarks.latency.stage import time_alone
from benchmarks.run.configuration.presets import configuration_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import LATENCY_CSV
from methods.engines.torch import TorchEngine
from methods.networks.recipes import Recipe

Result = TypeVar("Result")

RESULTS = Path("results/gpu")
CHECK_JSON = "gpu_check.json"

TRAINED_TOGETHER, TRAINING_IMAGES = 50, 55_000
"""As many networks, and images, as a run of the preset `full` trains."""

SECONDS = {"latency": 120, "tests": 200, "agreement": 60, "training": 120}
"""After which each step is stopped, so that all of it takes ten minutes at most."""


def main(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where results go.",
            show_default=f"{RESULTS}/<card>",
            parser=named_folder,
            metavar="PATH",
        ),
    ] = None,
    tests: Annotated[bool, typer.Option(help="Run the tests that need a GPU.")] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove earlier timings from the output folder.")
    ] = False,
) -> None:
    """Check the suite on this machine's GPU, without internet or data, in ten minutes at most.

    It times every method on the card by its own clock, runs the tests marked `cuda`, compares the
    card's numbers with the CPU's, and trains fifty networks at once.
    """
    device = fitting_device("cuda")
    if tests:
        require_tests()
    card = torch.cuda.get_device_name(device)
    folder = writable_folder("--out", out or RESULTS / re.sub(r"[^A-Za-z0-9]+", "-", card))
    engine, recipes = TorchEngine(device), [task.recipes[0] for task in TASKS.values()]
    failures: list[str] = []

    def step(name: str, work: Callable[[], Result]) -> Result | None:
        return attempted(name, work, SECONDS[name], failures)

    # First, since it refuses a folder of something else.
    timed = step("latency", lambda: _latency(device, folder, overwrite=overwrite))
    of_tests = step("tests", _tests) if tests else None
    agreements = step("agreement", lambda: _agreements(recipes, engine)) or []
    speed = step("training", lambda: _speed(recipes[0], engine))
    failures += timed or []
    if of_tests and not of_tests.succeeded:
        failures.append(f"tests: {of_tests}")
    failures += [f"agreement: {one.what} of {one.network}" for one in agreements if not one.passed]
    content = {
        "card": card,
        "version": suite_version(),
        "commit": commit(),
        "environment": environment(engine),
        "command": "python -m benchmarks.gpu_check" + ("" if tests else " --no-tests"),
        "tests": of_tests and asdict(of_tests),
        "agreement": [asdict(one) | {"passed": one.passed} for one in agreements],
        "training": speed and asdict(speed),
        "failures": failures,
    }
    write_json(content, folder / CHECK_JSON)
    print(f"wrote {folder / CHECK_JSON} and {folder / LATENCY_CSV}")
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _latency(device: Literal["cpu", "cuda"], folder: Path, *, overwrite: bool) -> list[str]:
    """Time the methods on the card; what failed, and why."""
    plan = Plan(replace(configuration_of("quick"), device=device, engine="torch"))
    workspace = Workspace(out=folder, networks=NETWORKS, data_dir=None, jobs=1)
    failures = time_alone(plan, workspace, overwrite=overwrite, device=device)
    return [f"{what}: {reason}" for what, reason in failures]


def _tests() -> CudaTests:
    done = run_tests()
    print(f"tests: {done}")
    return done


def _agreements(recipes: list[Recipe], engine: TorchEngine) -> list[Agreement]:
    agreements = [one for recipe in recipes for one in agreement(recipe, engine)]
    for one in agreements:
        verdict = "agree" if one.passed else "DIFFER"
        print(
            f"{one.network}, {one.what}: {verdict} with the CPU's; largest difference "
            f"{one.difference:.2e}, tolerance {one.tolerance:.0e}"
        )
    return agreements


def _speed(recipe: Recipe, engine: TorchEngine) -> TrainingSpeed:
    speed = training_speed(recipe, engine, TRAINED_TOGETHER, TRAINING_IMAGES)
    print(
        f"{recipe.name}: an epoch of {speed.networks} networks on {speed.images:,} images takes "
        f"{speed.seconds:.1f} s"
    )
    return speed


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.gpu_check")
