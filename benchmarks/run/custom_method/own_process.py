"""A process that runs a custom method and nothing else: what it changes there reaches nobody."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, TypeVar

from benchmarks.errors import one_line
from benchmarks.files import written_whole

Result = TypeVar("Result")

WORK, OUTCOME = "work", "outcome"
"""The two files by which the processes speak to each other."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""For libraries beside torch, whose bits would else depend on the number of jobs."""


class ProcessEndedError(Exception):
    """The process of a custom method ended before its work was done; the message says how."""


def in_own_process(work: Callable[[], Result], variables: Mapping[str, str] = ONE_THREAD) -> Result:
    """What the work returns, or raises, done in a fresh process.

    Args:
        work: to be pickled, as is what it returns or raises.
        variables: of the environment there, beside those here.

    Raises:
        ProcessEndedError: the method ended the process, or it crashed.
    """
    with TemporaryDirectory(prefix="uncertainty-bench-") as folder:
        Path(folder, WORK).write_bytes(pickle.dumps(work))
        paths = list(map(str, sys.path))
        code = f"import sys; sys.path[:] = {paths}; from {__name__} import do; do({folder!r})"
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,  # it ends with this process: then it ends, too
            env={**os.environ, **variables},
            start_new_session=True,  # Ctrl-C is for this process
        ) as process:
            status = process.wait()
            _kill_group(process.pid)
        outcome = Path(folder, OUTCOME)
        if not outcome.exists():
            how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            raise ProcessEndedError(f"the method ended its process, or it crashed ({how})")
        result, error = pickle.loads(outcome.read_bytes())
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def do(folder: str) -> None:
    """In the other process: do the work in the folder, and leave the outcome there."""
    Thread(target=_end_with_parent, daemon=True).start()
    outcome: tuple[Any, Exception | None]
    try:
        outcome = pickle.loads(Path(folder, WORK).read_bytes())(), None
    except Exception as error:
        outcome = None, error
    try:
        content = pickle.dumps(outcome)
    except Exception as error:  # an exception of the method's own, for example
        content = pickle.dumps((None, RuntimeError(one_line(outcome[1] or error))))
    with written_whole(Path(folder, OUTCOME)) as temporary:
        temporary.write_bytes(content)


def _end_with_parent() -> None:
    """End as soon as the standard input does, with all processes that the method has started."""
    os.read(0, 1)
    _kill_group(0)
    os._exit(1)


def _kill_group(leader: int) -> None:
    """Also what the method has started and left at work; 0: the group of this process."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
