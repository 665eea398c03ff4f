"""Commands in processes of their own, which tests interrupt and kill; MNIST has few images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]

RUN = "benchmarks.comparison.command"
"""The command of `run_all.py`."""

MODULE, FIRST = "TESTED_COMMAND", "DONE_BEFORE_IT"
"""The variables with the module of the command, and with code that is run before."""

SCRIPT = """
from benchmarks.entry import CONTINUES, run_command

if __name__ == "__main__":
    run_command("tests.small_command", CONTINUES)
"""

Start = Callable[..., subprocess.Popen[str]]


@contextmanager
def processes() -> Iterator[Start]:
    """A function that starts a command in its own session, as a terminal would; ended after it.

    Its arguments are the command's; by name the command's `module`, and what it does `first`.
    """
    started = []

    def start(*arguments: str, module: str = RUN, first: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", MODULE: module, FIRST: first},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where tests run in the background, a shell may have had SIGINT ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
