"""Ctrl-C and SIGTERM at any moment: one line, the signal's status, and nobody left at work."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.process import interruption
from tests.hostile.tiny_commands import Begin, tiny_commands
from tests.processes import processes

LINE = "interrupted; the same command goes on\n"

SLEEPING = """
import time

print("begun", flush=True)
time.sleep(60)
"""

WORKING = f"""
def command_line():
    {SLEEPING.strip().replace(chr(10), chr(10) + "    ")}
"""

IN_ORDER = """
import pathlib, time

def command_line():
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        pathlib.Path("in_order").touch()
"""

SWALLOWING = """
import time

def command_line():
    print("begun", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""

FREEING = """
import time

class Slow:
    def __del__(self):
        print("begun", flush=True)
        time.sleep(60)

def command_line():
    Slow()
    time.sleep(60)
"""

ENDING = """
import os, time

class Last:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"begun\\n")
        sleep(1)

last = Last()

def command_line():
    return 0
"""

RAISING = """
def command_line():
    print("begun", flush=True)
    raise KeyboardInterrupt
"""

FORKING = """
import multiprocessing, time

def square(x):
    return x * x

def command_line():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
        print("begun", flush=True)
        time.sleep(60)
"""

IN_WORKERS = """
import time
from benchmarks.parallel import parallel

def work(number):
    time.sleep(60)

def command_line():
    print("begun", flush=True)
    parallel(work, [1, 2], stage="test", what="sleeps", jobs=2, threads={threads})
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start a command of this code, and wait until it has begun."""
    with tiny_commands(tmp_path) as start:

        def begin(code: str) -> subprocess.Popen[str]:
            process = start(code)
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n", process.communicate()
            return process

        yield begin


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "code",
    [SLEEPING, WORKING, SWALLOWING, FREEING, FORKING],
    ids=["importing", "working", "swallowing", "freeing an object", "with a forked pool"],
)
def test_signal_ends_a_command_with_one_line(code: str, by: int, begin: Begin) -> None:
    process = begin(code)
    os.killpg(process.pid, by)  # as a terminal does
    assert process.communicate(timeout=20) == ("", LINE)
    assert process.returncode == 128 + by


def test_command_that_interrupts_itself_ends_in_the_same_way(begin: Begin) -> None:
    process = begin(RAISING)
    assert process.communicate(timeout=20) == ("", LINE)
    assert process.returncode == 130


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_signal_after_the_work_changes_nothing(by: int, begin: Begin) -> None:
    process = begin(ENDING)
    process.send_signal(by)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_command_ends_in_good_order(begin: Begin, tmp_path: Path) -> None:
    process = begin(IN_ORDER)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", LINE)
    assert (tmp_path / "in_order").exists()


@pytest.mark.parametrize("pause", [0, 0.02, 0.3])
def test_second_signal_ends_it_at_once(pause: float, begin: Begin) -> None:
    process = begin(SWALLOWING)
    process.send_signal(signal.SIGINT)
    time.sleep(pause)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert process.communicate(timeout=20) == ("", LINE)
    assert time.monotonic() - start < interruption.GRACE
    assert process.returncode == 130


def test_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    code = """
import os, signal

def command_line():
    os.kill(os.getpid(), signal.SIGINT)
    print("still here")
    return 0
"""
    with tiny_commands(tmp_path) as start:
        process = start(code, ignoring=True)
        assert process.communicate(timeout=20) == ("still here\n", "")
        assert process.returncode == 0


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_workers_end_with_the_command(threads: bool, begin: Begin) -> None:
    process = begin(IN_WORKERS.format(threads=threads))
    # Workers take a second to begin; the signal reaches them at any moment.
    time.sleep(random.Random(int(threads)).uniform(0, 1.5))
    os.killpg(process.pid, signal.SIGINT)
    # Waits for the workers as well, which hold the other end of the pipe.
    assert process.communicate(timeout=30) == ("", LINE)
    assert process.returncode == 130


OF_NUMBA = (
    *("--recipe", "standard,plain", "--members", "2", "--passes", "200", "--replicates", "2"),
    *("--images", "150", "--epochs", "3", "--conditions", "rotated-045,ood-*noise"),
)
OF_TORCH = (
    *("--task", "digits", "--recipe", "standard", "--members", "2", "--passes", "200"),
    *("--replicates", "2", "--images", "150", "--epochs", "3", "--conditions", "rotated-045"),
)


@pytest.mark.long
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize(
    ("options", "jobs"), [(OF_NUMBA, 4), (OF_TORCH, 2), (OF_TORCH, 1)], ids=str
)
def test_run_is_interrupted_at_any_moment(
    options: tuple[str, ...], jobs: int, twice: bool, tmp_path: Path
) -> None:
    seeded = random.Random(f"{jobs} {twice}")
    for number in range(12):
        with processes() as start:
            folder = tmp_path / str(number)
            process = start(
                *(*options, "--jobs", str(jobs), "--device", "cpu", "--resamples", "100"),
                *("--out", str(folder / "out"), "--networks", str(folder / "networks")),
            )
            time.sleep(seeded.uniform(0.1, 6))
            if process.poll() is not None:
                continue
            os.killpg(process.pid, signal.SIGINT)
            if twice:
                time.sleep(seeded.uniform(0, 0.3))
                os.killpg(process.pid, signal.SIGINT)
            _, shown = process.communicate(timeout=60)
            if process.returncode == 0:  # it had just ended
                assert "interrupted" not in shown
                continue
            *before, last = shown.splitlines()
            assert (process.returncode, last) == (
                130,
                "interrupted; the same command continues the run",
            ), shown
            assert all(re.match(r"\w+ +(\d+ of|the kernels)", line) for line in before), shown
