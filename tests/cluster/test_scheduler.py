"""A scheduler that was there before, and its workers: unfit ones, a full disk, and its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import FAULTY, Command, written
from tests.processes import ROOT

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[bytes]]

WITHOUT_PACKAGE = "import sys\n\nsys.modules['benchmarks'] = None\n"


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
    serial: Path, tmp_path: Path, wishes: Path, start: Start, command: Command
) -> None:
    """One worker at a time, since each takes seconds to start."""
    process = scheduler(start, tmp_path)
    alone = ("--nthreads", "1", "--no-nanny")
    (tmp_path / "without.py").write_text(WITHOUT_PACKAGE)
    worker = start("worker", *alone, "--preload", str(tmp_path / "without.py"))
    status, said = command(**address(tmp_path))
    assert status == 2, said
    assert "has no package uncertainty-bench" in said
    worker.kill()
    worker.wait()

    (wishes / "older").touch()
    (wishes / "full disk").touch()
    start("worker", *alone, "--preload", FAULTY)
    status, said = command(**address(tmp_path))
    assert status == 2, said
    assert "has uncertainty-bench 0.0.9, and this is" in said

    (wishes / "older").unlink()
    status, said = command(**address(tmp_path))
    assert status == 1, said
    assert "No space left on device; make room there. Run the same command again" in said
    networks = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()}
    assert len(networks) == 2

    (wishes / "kill").write_text(str(process.pid))
    status, said = command(**address(tmp_path))
    assert status == 1, said
    assert "the connection to the scheduler was lost" in said
    assert "Run the same command again: what is finished is kept" in said

    (tmp_path / "scheduler.json").unlink()
    scheduler(start, tmp_path)
    start("worker", *alone)
    assert command(**address(tmp_path)) == (0, "")
    assert written(tmp_path / "out") == written(serial)
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()}
    assert now == networks


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--nthreads", "2"), "has 2 threads, by which bits differ"),
        (("--nthreads", "1", "--preload", "blind.py"), "use a folder that all share, or divide"),
    ],
)
def test_worker_that_does_not_fit_is_one_line(
    options: tuple[str, ...], said: str, tmp_path: Path, start: Start, command: Command
) -> None:
    scheduler(start, tmp_path)
    (tmp_path / "elsewhere" / "blind.py").write_text(
        "from benchmarks.cluster import requirements\n\nrequirements._appears = lambda _: False\n"
    )
    start("worker", "--no-nanny", *options)
    status, found = command(**address(tmp_path))
    assert status == 2, said
    assert said in found
