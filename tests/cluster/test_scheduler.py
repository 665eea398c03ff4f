"""A scheduler that was there before, and its workers: none, unfit ones, and its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Command
from tests.processes import ROOT
from tests.runs import numbers

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[bytes]]

OLDER = "from benchmarks import cluster\n\ncluster.suite_version = lambda: '0.0.9'\n"
BLIND = "from benchmarks import cluster\n\ncluster._appears = lambda *_: False\n"
KILLING = """
import os
from benchmarks import cluster

cluster.require_fit = lambda *_, **__: os.kill({process}, 9)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `dask scheduler` or `dask worker`; they meet by a file."""
    started = []

    def begin(role: str, *options: str) -> subprocess.Popen[bytes]:
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        code = "from distributed.cli import dask_scheduler, dask_worker; import sys; "
        code += f"dask_{role}.main(sys.argv[1:])"
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", code, "--no-dashboard"),
                *("--scheduler-file", str(tmp_path / "scheduler.json"), *options),
            ],
            cwd=tmp_path / "elsewhere",
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def scheduler(start: Start, tmp_path: Path) -> subprocess.Popen[bytes]:
    process = start("scheduler", "--host", "127.0.0.1", "--port", "0")
    until = time.monotonic() + 300
    while not (tmp_path / "scheduler.json").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    return process


def address(tmp_path: Path) -> dict[str, object]:
    found = json.loads((tmp_path / "scheduler.json").read_text())["address"]
    return {"backend": "address", "options": {"address": found}, "wait": 3000}


def test_run_goes_on_after_each_fault_and_is_the_serial_one(
    digits_run: Path, tmp_path: Path, start: Start, command: Command
) -> None:
    """One worker at a time, since each takes seconds to start."""
    process = scheduler(start, tmp_path)
    status, said = command(**address(tmp_path) | {"wait": 1})
    assert status == 1, said
    assert "there has been no worker for 1 s" in said

    file = tmp_path / "first.py"
    for code, threads, expected, message in (
        (OLDER, "1", 2, "has uncertainty-bench 0.0.9, torch"),
        (BLIND, "1", 2, "use folders that all share"),
        ("", "2", 2, "has several threads; start it with --nthreads 1"),
        (KILLING.format(process=process.pid), "1", 1, "Run the same command again"),
    ):
        file.write_text(code)
        worker = start("worker", "--no-nanny", "--nthreads", threads, "--preload", str(file))
        status, said = command(**address(tmp_path))
        assert status == expected, said
        assert message in said
        worker.kill()
        worker.wait()

    (tmp_path / "scheduler.json").unlink()
    scheduler(start, tmp_path)
    start("worker", "--no-nanny", "--nthreads", "1")
    assert command(**address(tmp_path)) == (0, "")
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
