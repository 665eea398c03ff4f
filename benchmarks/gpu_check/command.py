"""Check a machine with a GPU: ``python -m benchmarks.gpu_check``; see docs/gpu.md."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from benchmarks.command_line import NETWORKS, exit_status, fitting_device
from benchmarks.environment import commit, environment, suite_version
from benchmarks.errors import UserError
from benchmarks.files import writable_folder, write_json
from benchmarks.gpu_check.agreement import Agreement, agreement
from benchmarks.gpu_check.training_speed import TrainingSpeed, training_speed
from benchmarks.latency.stage import time_alone
from benchmarks.run.configuration import configuration_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import LATENCY_CSV
from methods.engines.torch import TorchEngine
from methods.networks.recipes import Recipe

RESULTS = Path("results/gpu")
CHECK_JSON = "gpu_check.json"

TRAINED_TOGETHER, TRAINING_IMAGES = 50, 55_000
"""As many networks, and images, as a run of the preset `full` trains."""

LONGEST_TESTS = 240
"""Seconds after which the tests are stopped, so that all of it takes ten minutes at most."""


def main(
    out: Annotated[
        Path | None, typer.Option(help="Where results go.", show_default=f"{RESULTS}/<card>")
    ] = None,
    tests: Annotated[bool, typer.Option(help="Run the tests that need a GPU.")] = True,
) -> None:
    """Check the suite on this machine's GPU, without a network or data, in ten minutes at most.

    It runs the tests marked `cuda`, compares the card's numbers with the CPU's, trains fifty
    networks at once, and times every method on the card by its own clock.
    """
    device = fitting_device("cuda")
    card = torch.cuda.get_device_name(device)
    folder = writable_folder("--out", out or RESULTS / re.sub(r"[^A-Za-z0-9]+", "-", card))
    content: dict[str, Any] = {
        "card": card,
        "version": suite_version(),
        "commit": commit(),
        "environment": environment(TorchEngine(device)),
        "command": "python -m benchmarks.gpu_check" + ("" if tests else " --no-tests"),
        "tests": _tests() if tests else "not run",
    }
    engine, recipes = TorchEngine(device), [task.recipes[0] for task in TASKS.values()]
    agreements = [one for recipe in recipes for one in _shown(agreement(recipe, engine))]
    content["agreement"] = [asdict(one) | {"passed": one.passed} for one in agreements]
    content["training"] = asdict(_speed(recipes[0], engine))
    write_json(content, folder / CHECK_JSON)
    failures = time_alone(_timed(device), _workspace(folder))
    print(f"wrote {folder / CHECK_JSON} and {folder / LATENCY_CSV}")
    if failures or not all(one.passed for one in agreements) or "failed" in str(content["tests"]):
        raise typer.Exit(1)


def _shown(agreements: list[Agreement]) -> list[Agreement]:
    for one in agreements:
        verdict = "agree" if one.passed else "DIFFER"
        print(
            f"{one.recipe}, {one.what}: {verdict} with the CPU's; largest difference "
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


def _tests() -> str:
    """The last line of pytest on the tests that need a GPU."""
    tests = Path(__file__).parents[2] / "tests"
    if not tests.exists():
        raise UserError("the tests are not installed; run this from a checkout, or use --no-tests")
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", str(tests)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_TESTS)
    except subprocess.TimeoutExpired:
        return f"failed: not done after {LONGEST_TESTS} s"
    *_, last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    print(f"tests: {last}")
    return last if done.returncode == 0 else f"failed: {last}"


def _timed(device: Literal["cpu", "cuda"]) -> Plan:
    return Plan(replace(configuration_of("quick"), device=device, engine="torch"))


def _workspace(folder: Path) -> Workspace:
    return Workspace(out=folder, networks=NETWORKS, data_dir=None, jobs=1)


def command_line() -> int:
    """Run the command line and return its exit status: 1 where numbers do not agree."""
    return exit_status(main, "python -m benchmarks.gpu_check")
