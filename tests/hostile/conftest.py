"""A finished run of seconds, copies of which are damaged."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.run.configuration import command_of
from benchmarks.run.stages import run_stages
from tests import runs
from tests.processes import status_of
from tests.runs import Run, neither_timed_nor_drawn, run_of

DIGITS = replace(
    runs.DIGITS,
    recipes=("standard",),
    methods=("softmax", "mc_dropout"),
    conditions=("rotated-045", "ood-uniform_noise"),
    passes=(2, 5),
    replicates=1,
)


def digits_run(folder: Path) -> Run:
    return run_of(DIGITS, folder)


def run_command(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    """The exit status of the same run as a command, in this process."""
    _, _, *chosen = shlex.split(command_of(DIGITS))
    places = ["--out", str(folder / "out"), "--networks", str(folder / "networks")]
    arguments = [*chosen, "--device", "cpu", "--jobs", "1", *places, *options]
    return status_of(*arguments)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    with neither_timed_nor_drawn():
        assert run_stages(*digits_run(folder)) == []
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def quick_stages() -> Iterator[None]:
    with neither_timed_nor_drawn():
        yield
