"""The command line in tests: in this process, or in another that is interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.cli import exit_status, sub_command

ROOT = Path(__file__).parents[1]

SCRIPT = """
import os

exec(os.environ["DONE_BEFORE_IT"])

from benchmarks.cli import main

if __name__ == "__main__":
    main()
"""

Start = Callable[..., subprocess.Popen[str]]


def status_of(*arguments: object) -> int:
    """The exit status of the command line with these arguments, in this process."""
    return exit_status(lambda: sub_command([str(argument) for argument in arguments]))


@contextmanager
def processes() -> Iterator[Start]:
    """A function that starts a command in its own session, as a terminal would; ended after it.

    Its arguments are the command's; by name, the code that is run `first`, another `script`, and
    variables of the environment.
    """
    started = []

    def start(
        *arguments: str, first: str = "", script: str = SCRIPT, **variables: str
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "DONE_BEFORE_IT": first} | variables,
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
