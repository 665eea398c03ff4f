"""A small run on real data, with its report; and what verifies it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.report import page, recipe
from benchmarks.run import stages as runner
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.verify import command
from tests.runs import small_mnist

CHOSEN = Configuration(
    preset="quick",
    task="mnist",
    recipes=("standard",),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(2,),
    passes=(4,),
    replicates=5,
    pool=5,
    images=100,
    epochs=1,
    resamples=100,
)

PROGRESS = ("probe ", "measure ", "train ", "predict ", "report ")
"""How lines of progress begin."""

Verify = Callable[..., tuple[int, str, str]]


@contextmanager
def small_runs() -> Iterator[None]:
    """MNIST reduced to a few images; neither timings nor drawings, which nobody verifies."""
    with small_mnist(training=1000, test=200) as patch:
        patch.setattr(runner, "time_methods", lambda *_: [])
        patch.setattr(recipe, "figures", lambda *_: [])
        patch.setattr(page, "write_page", lambda *_: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _small_runs() -> Iterator[None]:
    with small_runs():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    with small_runs():
        workspace = Workspace(folder / "run", folder / "networks", None, jobs=1)
        assert run_stages(Plan(CHOSEN), workspace) == []
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def verify(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Verify:
    """Exit status, output, and errors without lines of progress of a verification."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        given = ["--out", str(tmp_path / "verified"), "--jobs", "1", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["verify", *given])
        status = command.command_line()
        shown, told = capsys.readouterr()
        lines = told.splitlines(keepends=True)
        return status, shown, "".join(line for line in lines if not line.startswith(PROGRESS))

    return call
