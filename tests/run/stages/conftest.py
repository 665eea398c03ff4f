"""The finished small run that the tests of the stages share, and faults to test it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from benchmarks.data.files import Unavailable
from benchmarks.run import record as run_record
from benchmarks.run.stages import run_stages
from benchmarks.tasks import shifts
from methods.networks import pool as network_pool
from tests import runs
from tests.run.stages.support import run_in
from tests.runs import forget_images


@contextmanager
def small_runs() -> Iterator[None]:
    """MNIST reduced to a few images, and neither timings nor a report."""
    with runs.small_mnist(training=1000, test=200) as patch, runs.neither_timed_nor_drawn():
        # No test depends on whether the code is being changed.
        patch.setattr(run_record, "commit", lambda: "0" * 40)
        yield


@pytest.fixture(scope="module", autouse=True)
def _small_runs() -> Iterator[None]:
    with small_runs():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`."""
    folder = tmp_path_factory.mktemp("finished")
    with small_runs():
        assert run_stages(*run_in(folder)) == []
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("nothing was to be trained")

    monkeypatch.setattr(network_pool, "train_networks", train)


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = shifts.load_out_of_distribution

    def load(name: str, *, seed: int, data_dir: Path | None) -> torch.Tensor:
        if name == "uniform_noise":
            raise Unavailable("no mirror responds")
        return original(name, seed=seed, data_dir=data_dir)

    monkeypatch.setattr(shifts, "load_out_of_distribution", load)
    forget_images()
    yield
    forget_images()
