"""Many calls in parallel, on workers of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import joblib

from benchmarks.progress import tracked
from methods.threads import one_torch_thread

Item = TypeVar("Item")
Result = TypeVar("Result")


@one_torch_thread()
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
    """
    workers = joblib.Parallel(
        n_jobs=min(jobs, max(len(items), 1)),
        prefer="threads" if threads else "processes",
        return_as="generator_unordered",
    )
    done = workers(joblib.delayed(work)(item) for item in items)
    return list(tracked(done, len(items), stage, what))
