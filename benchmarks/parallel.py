"""Many calls in parallel, on workers of this machine."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from typing import TypeVar

import joblib
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from benchmarks.errors import AGAIN, MachineError
from benchmarks.process.children import begin_worker, signals_held_back
from benchmarks.process.notes import being_done
from benchmarks.progress import tracked

Item = TypeVar("Item")
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
        items: the arguments, one a call.
        stage, what: the stage and what is counted, for the progress line.
        jobs: how many items are worked on in parallel.
        threads: whether workers are threads; by default they are processes.

    Raises:
        MachineError: the process of a worker ended; what others had finished is kept.
    """
    count = min(jobs, max(len(items), 1))
    workers = joblib.Parallel(
        n_jobs=count,
        prefer="threads" if threads else "processes",
        return_as="generator_unordered",
    )
    if count > 1 and not threads:
        _start_trackers()
    with signals_held_back():
        done = workers(joblib.delayed(_work)(work, item, os.getpid()) for item in items)
    try:
        return list(tracked(done, len(items), stage, what))
    except TerminatedWorkerError as error:
        raise MachineError(_death_of_a_worker(str(error))) from error
    except BaseException as error:
        _stop(done, error)
        raise


def _start_trackers() -> None:
    """Start what cleans up after processes: starting later, it would let signals through again."""
    for tracker in (resource_tracker, loky_tracker):
        tracker.ensure_running()


def _work(work: Callable[[Item], Result], item: Item, parent: int) -> Result:
    if os.getpid() != parent:
        begin_worker(parent)
    return work(item)


def _stop(done: Generator[object, None, None], error: BaseException) -> None:
    """End the workers, which else go on with what nobody waits for; joblib does so by an error."""
    with suppress(BaseException), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done.throw(error)


def _death_of_a_worker(message: str) -> str:
    """How a worker ended, by joblib's message, what it was doing, and what the user can do."""
    ends = dict.fromkeys(re.findall(r"EXIT\(\d+\)|SIG[A-Z]+", message))
    how = ", ".join(ends) or "for no known reason"
    notes = being_done()
    doing = f" during {notes}" if notes else ""
    why = (
        "probably for want of memory; try --jobs 1"
        if [*ends] == ["SIGKILL"]
        else "by a crash of compiled code, or an exit by a method"
    )
    return f"the process of a worker ended ({how}){doing}, {why}. {AGAIN}"
