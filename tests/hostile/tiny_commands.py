"""Commands of a few lines, which begin and end as the suite's do, without its imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.processes import ROOT

SCRIPT = """
from benchmarks.process import interruption
from benchmarks.process.ending import run_command

if __name__ == "__main__":
    interruption.GRACE = 1.0
    run_command("tiny", "the same command goes on")
"""

Begin = Callable[..., subprocess.Popen[str]]


@contextmanager
def tiny_commands(folder: Path) -> Iterator[Begin]:
    """A function that starts a command of this code, which defines ``command_line()``.

    By name: ``ignoring`` SIGINT, ``closing`` a stream, environment ``variables``, and further
    arguments of `Popen`.
    """
    started = []

    def begin(
        code: str,
        *,
        ignoring: bool = False,
        closing: int | None = None,
        variables: Mapping[str, str] = {},
        **options: Any,
    ) -> subprocess.Popen[str]:
        def prepare() -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN if ignoring else signal.SIG_DFL)
            if closing is not None:
                os.close(closing)

        (folder / "tiny.py").write_text(code)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"} | variables,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
            **(pipes | options),
        )
        started.append(process)
        return process

    try:
        yield begin
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
