"""Processes that are killed, crash or end themselves: one line that says so, and nobody is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.tiny_commands import tiny_commands
from tests.processes import processes

METHOD = '''
import ctypes
import os
import time

import torch

from methods import Prediction, UncertaintyMethod

{at_import}


class Mine(UncertaintyMethod):
    """Ends its process, in one way or another."""

    name = "mine"

    def fit(self, images, labels):
        {in_fit}
        return self

    def predict(self, images):
        {in_predict}
        return Prediction.of(torch.full((2, len(images), 10), 0.1))
'''

OPTIONS = (
    *("--task", "digits", "--methods", "softmax", "--epochs", "1", "--images", "50"),
    *("--replicates", "1", "--conditions", "clean", "--resamples", "100", "--device", "cpu"),
)

EXIT, CRASH = "os._exit(3)", "ctypes.string_at(0)"
SLEEP = (
    "if not os.path.exists(__file__ + '.mended'): "
    # In one piece, since two processes print it.
    "print(str(os.getpid()) + chr(10), end='', flush=True); time.sleep(600)"
)

IN_WORKERS = """
import os
from benchmarks.command_line import exit_status
from benchmarks.parallel import parallel
from benchmarks.process.notes import noted

def work(number):
    with noted("the test"):
        os._exit(3)

def main() -> None:
    parallel(work, [1, 2], stage="test", what="exits", jobs=2)

def command_line():
    return exit_status(main)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a run with a method that does this where it is fitted, and so on."""
    with processes() as begin:

        def start(
            *options: str, in_fit: str = "pass", in_predict: str = "pass", at_import: str = ""
        ) -> subprocess.Popen[str]:
            text = METHOD.format(in_fit=in_fit, in_predict=in_predict, at_import=at_import)
            (tmp_path / "mine.py").write_text(text)
            return begin(
                *(*OPTIONS, "--method", f"{tmp_path / 'mine.py'}:Mine", *options),
                *("--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")),
            )

        yield start


def last_line(process: subprocess.Popen[str]) -> str:
    """What is said beside the progress, which must be one line."""
    _, shown = process.communicate(timeout=120)
    lines = [line for line in shown.splitlines() if not re.match(r"\w+ +\d+ of", line)]
    assert len(lines) == 1, shown
    return lines[0]


def predictions(folder: Path) -> set[str]:
    return {path.parent.parent.name for path in (folder / "out" / "predictions").rglob("*.npz")}


@pytest.mark.slow
def test_method_that_ends_the_process_is_named(start: Start, tmp_path: Path) -> None:
    process = start("--jobs", "1", in_predict=EXIT)
    assert re.fullmatch(
        r"error: the process ended .* during mine\.predict: .* custom method has ended it; the "
        r"same command continues the run",
        last_line(process),
    )
    assert process.returncode == 3
    assert predictions(tmp_path) == {"softmax"}


@pytest.mark.slow
def test_end_of_a_worker_is_one_line(tmp_path: Path) -> None:
    with tiny_commands(tmp_path) as start:
        process = start(IN_WORKERS)
        assert re.fullmatch(
            r"error: the process of a worker ended \(EXIT\(3\)\) during the test, by .* Run the "
            r"same command again: what is finished is kept",
            last_line(process),
        )
        assert process.returncode == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("in_fit", "mine.fit"),
        ("in_predict", "mine.predict"),
        ("at_import", "the import of mine.py"),
    ],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", [EXIT, CRASH])
def test_every_end_is_one_line(where: str, named: str, jobs: str, how: str, start: Start) -> None:
    process = start("--jobs", jobs, "--replicates", "2", **{where: how})
    assert f" during {named}" in last_line(process)
    assert process.returncode != 0


@pytest.mark.long
def test_killed_worker_is_said_to_want_memory(start: Start, tmp_path: Path) -> None:
    process = start("--jobs", "2", "--replicates", "2", in_fit=SLEEP)
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first, process.communicate()
    os.kill(int(first), signal.SIGKILL)
    assert re.fullmatch(
        r"error: the process of a worker ended \(SIGKILL\) .* want of memory; try --jobs 1\. .*",
        last_line(process),
    )
    assert process.returncode == 1
    (tmp_path / "mine.py.mended").touch()
    again = start("--jobs", "2", "--replicates", "2", in_fit=SLEEP)
    _, shown = again.communicate(timeout=120)
    assert again.returncode == 0, shown
    assert predictions(tmp_path) == {"softmax", "mine"}


@pytest.mark.long
def test_killed_run_is_one_line_and_leaves_no_worker(start: Start) -> None:
    process = start("--jobs", "2", "--replicates", "2", in_fit=SLEEP)
    assert process.stdout is not None
    assert process.stdout.readline()  # both sleep for ten minutes
    process.kill()
    # Waits for the workers as well, which hold the other end of the pipe.
    assert "perhaps for want of memory" in last_line(process)
