"""Many calls in parallel, on workers of this machine."""

from __future__ import annotations

import os
import re
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from multiprocessing import resource_tracker
from threading import Thread
from typing import TypeVar

from benchmarks.io import AGAIN, MachineError
from benchmarks.progress import Item, tracked

Result = TypeVar("Result")


def parallel(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    stage: str,
    what: str,
    jobs: int,
    threads: bool = False,
) -> list[Result]:
    """The results of the work on each item, in the order in which they were finished.

    Args:
        work: called with an item; for processes it must be possible to pickle it.
        stage, what: the stage and what is counted, for the progress line.
        jobs: the number of items that are worked on in parallel.
        threads: whether workers are threads; by default they are processes.

    Raises:
        MachineError: the process of a worker ended; what others had finished is kept.
    """
    # Here, not above: methods are timed where there is no such library.
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    count = min(jobs, max(len(items), 1))
    # Where warnings are errors, this one would end the thread that replaces workers that have grown
    # or idled, and the call would wait for ever.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor")
    workers = joblib.Parallel(
        n_jobs=count,
        prefer="threads" if threads else "processes",
        return_as="generator_unordered",
    )
    with nullcontext() if count == 1 or threads else interrupts_held_back():
        done = workers(joblib.delayed(_work)(work, item, os.getpid()) for item in items)
    try:
        return list(tracked(done, len(items), stage, what))
    except TerminatedWorkerError as error:
        how = ", ".join(dict.fromkeys(re.findall(r"EXIT\(\d+\)|SIG[A-Z]+", str(error))))
        message = f"the process of a worker crashed or was killed ({how or 'nobody knows how'})"
        raise MachineError(f"{message}. {AGAIN}") from error
    except BaseException as error:
        # Workers else go on with what nobody waits for; joblib ends them by an error.
        with suppress(BaseException), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done.throw(error)
        raise


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Processes that are started in the block never get Ctrl-C, which a terminal sends to all."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from joblib.externals.loky.backend import resource_tracker as loky_tracker

    # What cleans up after processes lets signals through again as it starts.
    for tracker in (resource_tracker, loky_tracker):
        tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(work: Callable[[Item], Result], item: Item, parent: int) -> Result:
    if os.getpid() != parent:
        _begin_worker(parent)
    return work(item)


@cache
def _begin_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it has ended; called once in each worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    """What a killed parent cannot do: end its workers, which else go on for minutes."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
