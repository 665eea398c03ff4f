"""Runs in tests: finished ones that all tests share, and what a test's own run needs.

Fixtures of `tests/fixtures.py`, built once for all workers of pytest-xdist:

- ``digits_run``: the folder of a run of the task ``digits``, every stage, as `DIGITS` says: results
  in ``out``, networks in ``networks``. `run_of` gives its plan and workspace:
  ``run_of(DIGITS, digits_run)``.
- ``made_up_run``: the results of a run of MNIST whose predictions are made up, see `tests.made_up`.
- ``two_budgets_run``: those of a smaller one, whose single networks are of two budgets.

A test that only reads takes these, which nobody may change. A test that writes takes its own copy,
``digits_copy`` or ``made_up_copy``, in ``tmp_path``. A run that differs is made by `compute` (the
stages that others need, neither timed nor drawn), or by `tests.made_up.make_up`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from filelock import FileLock

from benchmarks.claims import missing_data
from benchmarks.data.loading import load_mnist, load_mnist_writers
from benchmarks.latency.stopwatch import Limits
from benchmarks.predictions import PoolNetwork
from benchmarks.report import figures
from benchmarks.run import workspace as workspace_module
from benchmarks.run.configuration import PRESETS, Configuration, command_of, configuration_of
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.vocabulary import MEASURE, PREDICT, TRAIN
from methods import METHODS
from methods.networks.recipes import LabelledImages
from methods.trained.base import TrainedMethod

CONDITIONS = {one.name: one for one in (*MNIST.conditions, *MNIST.subset_conditions)}
"""Those of MNIST, by name."""

QUICK, FULL = map(configuration_of, ("quick", "full"))

TRAINED = tuple(name for name, kind in METHODS.items() if issubclass(kind, TrainedMethod))
"""The methods with a network of their own."""

DIGITS = Configuration(
    preset="quick",
    task="digits",
    recipe="well-trained",
    methods=("softmax", "mc_dropout", "deep_ensemble", "temperature_scaling"),
    conditions=("rotated-030", "rotated-045", "ood-uniform_noise"),
    members=(1, 2),
    budgets=(1.0, 2.0),
    passes=(2, 5),
    replicates=2,
    pool=4,
    images=100,
    epochs=1,
    batch_sizes=(1,),
    engine="torch",
)
"""A run of seconds: single networks of two budgets, and the ensembles of one and of two."""

DIGITS_AND_MEANS = (*DIGITS.conditions, "rotated-mean", "out-of-distribution-mean")
"""Its conditions and the means over them."""


class Run(NamedTuple):
    """A plan and a workspace, which most functions take: ``write_curves(*run)``."""

    plan: Plan
    workspace: Workspace


def run_of(configuration: Configuration, folder: Path, *, jobs: int = 1) -> Run:
    """A run that writes to ``out`` in the folder, with its networks in ``networks``."""
    workspace = Workspace(folder / "out", folder / "networks", None, jobs)
    return Run(Plan(configuration), workspace)


def built_once(
    name: str, build: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder that the first of all workers who needs it builds, while the others wait."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    # Not renamed when it is finished: a custom method is imported from a file in it.
    folder, finished = shared / name, shared / f"{name}.finished"
    with FileLock(shared / f"{name}.lock"):
        if not finished.exists():
            folder.mkdir()
            build(folder)
            finished.touch()
    return folder


def compute(run: Run, *stages: str) -> list[Failure]:
    """Train, predict and measure, or some of it: timings and drawings take time."""
    failures = [run_stages(*run, stage) for stage in stages or (TRAIN, PREDICT, MEASURE)]
    return list(dict.fromkeys(chain(*failures)))


def draw_one_figure(patch: pytest.MonkeyPatch) -> None:
    """Have reports draw the figure ``roc`` alone: each takes half a second."""
    own = tuple(figure for figure in figures.FIGURES if figure.name == "roc")
    patch.setattr(figures, "FIGURES", own)


def finish_digits(folder: Path) -> None:
    """The run `DIGITS`, every stage; timings are short, and one figure is drawn."""
    short = replace(PRESETS["quick"], limits=Limits(seconds=0.02))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "quick", short)
        draw_one_figure(patch)
        assert run_stages(*run_of(DIGITS, folder)) == []


def command_words(folder: Path) -> list[str]:
    """The words of the command line that continues the run `DIGITS` in a folder."""
    chosen = shlex.split(command_of(DIGITS))[2:]
    places = ["--out", str(folder / "out"), "--networks", str(folder / "networks")]
    return [*chosen, "--device", "cpu", "--jobs", "1", *places]


def network_file(run: Run, network: PoolNetwork) -> Path:
    """Where a network is stored once it is trained."""
    pool = run.plan.pool(network.training)
    images = run.workspace.images(run.plan.task, pool.recipe.split)
    return run.workspace.networks / pool._key(network.number, images.fingerprint).file_name


def numbers(folder: Path) -> dict[str, bytes]:
    """The files of a run that `compute` writes, but its record, which says how long it took."""
    names = ("predictions/**/*.npz", "curves/*", "images.npz", "training.csv", "measurements.csv")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in (*names, "summary.csv", "answer.csv", "influences/*")
        for path in folder.glob(name)
    }


def predicted_arrays(path: Path) -> dict[str, np.ndarray]:
    """What a prediction file has, read by NumPy alone."""
    with np.load(path) as file:
        return dict(file)


def lose_predictions(folder: Path, pattern: str, unit: str = "*") -> None:
    """Remove the prediction files of these conditions, of all units or of one."""
    for path in (folder / "predictions").rglob(f"{unit}/{pattern}.npz"):
        path.unlink()


@contextmanager
def small_mnist(*, training: int, test: int) -> Iterator[pytest.MonkeyPatch]:
    """MNIST reduced to so many images, of which as large a share is held out, in this process."""
    sizes = {"train": training, "test": test}
    whole = {split: load_mnist(split) for split in sizes}

    def load(split: str, data_dir: Path | None) -> LabelledImages:
        count = sizes[split]
        return LabelledImages(whole[split].images[:count], whole[split].labels[:count])

    held_out = training * MNIST.calibration_images // 60_000
    few = {
        "training_images": training - held_out,
        "calibration_images": held_out,
        "groups": lambda: load_mnist_writers()[:test],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, MNIST.name, replace(MNIST, load=load, **few))
        forget_images()
        yield patch
    forget_images()


def forget_images() -> None:
    """What this process has loaded is loaded again."""
    workspace_module._split.cache_clear()
    workspace_module._evaluation_set.cache_clear()
    missing_data._training_images.cache_clear()
