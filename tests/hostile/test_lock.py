"""One run at a time writes to a folder, and a killed one stands in nobody's way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.errors import UserError
from benchmarks.latency.stage import time_alone
from benchmarks.run.folder.lock import held
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import digits_run
from tests.processes import ROOT, processes

SLEEPING = '''
import os
import time

import torch

from methods import Prediction, UncertaintyMethod


class Sleeping(UncertaintyMethod):
    """Predicts the same for every image, after ten minutes, in a process that it forks."""

    name = "sleeping"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        if os.environ.get("AWAKE"):
            return Prediction.of(torch.full((1, len(images), 10), 0.1))
        forked = os.fork()
        if forked:
            print(forked, os.getpid(), flush=True)
        time.sleep(600)
        os._exit(0)
'''

HOLDING = """
import os
import sys
import time
from pathlib import Path

from benchmarks.run.folder.lock import held

with held(Path(sys.argv[1])):
    forked = os.fork()
    if not forked:
        os.close(1)
        time.sleep(600)
        os._exit(0)
    print(forked, flush=True)
    input()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a run of a method that sleeps, in one folder."""
    (tmp_path / "mine.py").write_text(SLEEPING)
    options = (
        *("--task", "digits", "--methods", "", "--method", f"{tmp_path / 'mine.py'}:Sleeping"),
        *("--conditions", "clean", "--images", "10", "--replicates", "2", "--device", "cpu"),
        *("--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")),
    )
    with processes() as begin:
        yield lambda *more: begin(*options, *more)


def asleep(process: subprocess.Popen[str], count: int) -> list[int]:
    """The processes that sleep, of so many predictions: forked ones, and those that forked them."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    return [int(word) for line in lines for word in line.split()]


@pytest.fixture
def sleeping(start: Start) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run, and the processes that outlive it if it is killed: workers, and what they forked."""
    first = start("--jobs", "2")
    sleepers = asleep(first, 2)
    assert first.pid not in sleepers
    yield first, sleepers
    for pid in sleepers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.long
def test_killed_run_stands_in_nobodys_way_though_its_workers_live(
    sleeping: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    first, sleepers = sleeping
    with pytest.raises(UserError, match="another run is writing to"), held(tmp_path / "out"):
        pass
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert all(Path(f"/proc/{pid}").exists() for pid in sleepers)
    with held(tmp_path / "out"):
        pass


@pytest.mark.long
def test_command_beside_another_is_refused_and_after_a_killed_one_goes_on(
    sleeping: tuple[subprocess.Popen[str], list[int]],
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = sleeping
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    for only in ([], ["--only", "report"], ["--only", "latency"], ["--overwrite"]):
        second = start("--jobs", "1", *only)
        _, shown = second.communicate(timeout=120)
        assert second.returncode == 2, shown
        assert re.fullmatch(
            rf"error: another run is writing to {tmp_path / 'out'}; [^\n]+\n", shown
        )
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before
    first.kill()
    first.wait()
    monkeypatch.setenv("AWAKE", "yes")
    third = start("--jobs", "1")
    _, shown = third.communicate(timeout=120)
    assert third.returncode == 0, shown


def holding(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder, and has forked another, whose number it prints."""
    command = [sys.executable, "-c", HOLDING, str(folder)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_killed_process_leaves_no_lock_though_what_it_forked_lives(tmp_path: Path) -> None:
    first = holding(tmp_path / "out")
    (forked,) = asleep(first, 1)
    try:
        with pytest.raises(UserError, match="another run is writing to"), held(tmp_path / "out"):
            pass
        first.kill()
        first.communicate()
        os.kill(forked, 0)
        with held(tmp_path / "out"):
            pass
    finally:
        os.kill(forked, signal.SIGKILL)


def test_every_entry_is_locked(folder: Path) -> None:
    run = digits_run(folder)
    other = holding(folder / "out")
    (forked,) = asleep(other, 1)
    os.kill(forked, signal.SIGKILL)
    try:
        for begin in (
            lambda: run_stages(*run),
            lambda: run_stages(*run, "report"),
            lambda: run_stages(*run, "measure", overwrite=True),
            lambda: time_alone(*run),
        ):
            with pytest.raises(UserError, match="another run is writing"):
                begin()
    finally:
        other.communicate("\n", timeout=60)
    with held(folder / "out"):
        pass


def test_lock_is_released_by_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="mine"), held(tmp_path / "out"):
            raise ValueError("mine")
