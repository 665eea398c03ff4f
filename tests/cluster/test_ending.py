"""A client that is interrupted or killed: nobody is left at work, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import Start, processes
from tests.runs import command_words, numbers

pytestmark = pytest.mark.long


@pytest.fixture
def start() -> Iterator[Start]:
    with processes() as begin:
        yield begin


def begun(start: Start, folder: Path) -> subprocess.Popen[str]:
    (folder / "cluster.yaml").write_text("backend: local\nworkers: 2\n")
    cluster = ("--cluster", str(folder / "cluster.yaml"))
    return start(*command_words(folder), *cluster)


def at_work(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a network has been trained."""
    until = time.monotonic() + 600
    while not list((folder / "networks").glob("*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_command_goes_on_after_its_end(
    by: signal.Signals, digits_run: Path, tmp_path: Path, start: Start
) -> None:
    process = begun(start, tmp_path)
    at_work(process, tmp_path)
    os.killpg(process.pid, by) if by == signal.SIGINT else process.kill()
    # Waits for the workers as well, which hold the other end of the pipe.
    _, shown = process.communicate(timeout=300)
    assert "Traceback" not in shown
    said = shown.count("interrupted; the same command continues the run")
    assert said == (1 if by == signal.SIGINT else 0), shown
    assert process.returncode == (130 if by == signal.SIGINT else -signal.SIGKILL)
    again = begun(start, tmp_path)
    _, shown = again.communicate(timeout=600)
    assert again.returncode == 0, shown
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
