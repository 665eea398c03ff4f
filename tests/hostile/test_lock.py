"""One run at a time writes to a folder, and a killed one stands in nobody's way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.run.record import held
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import digits_run, run_command
from tests.processes import ROOT

HOLDING = """
import os
import sys
import time
from pathlib import Path

from benchmarks.run.record import held

with held(Path(sys.argv[1])):
    forked = os.fork()
    if not forked:
        os.close(1)
        time.sleep(600)
        os._exit(0)
    print(forked, flush=True)
    input()
"""


@contextmanager
def holding(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a folder, and has forked another, which outlives it if it is killed."""
    command = [sys.executable, "-c", HOLDING, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        forked = int(process.stdout.readline())
        try:
            yield process
            os.kill(forked, 0)
        finally:
            os.kill(forked, signal.SIGKILL)
            process.kill()


def test_second_run_is_refused_in_one_line_and_goes_on_after_a_kill(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, run = folder / "out", digits_run(folder)
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    with holding(out) as first:
        for options in ([], ["--only", "report"], ["--overwrite"]):
            assert run_command(monkeypatch, folder, *options) == 2
            shown = capsys.readouterr().err
            assert re.fullmatch(rf"error: another run is writing to {out}; [^\n]+\n", shown)
        with pytest.raises(UserError, match="another run is writing"):
            run_stages(*run, "latency")
        assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
        first.kill()
        first.wait()
        assert run_stages(*run, "train") == []


def test_lock_is_released_by_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="mine"), held(tmp_path / "out"):
            raise ValueError("mine")
