"""Units of work on all of a machine's workers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib

from benchmarks.progress import tracked
from benchmarks.run import Run
from methods.threads import one_torch_thread


@one_torch_thread()
def side_by_side(
    run: Run,
    work: Callable[..., Any],
    units: list[Any],
    stage: str,
    unit: str,
    *,
    threads: bool = False,
) -> list[Any]:
    """What the work on each unit returned, in the order in which they were finished.

    ``work`` is called with the run and a unit.
    """
    parallel = joblib.Parallel(
        n_jobs=min(run.machine.jobs, max(len(units), 1)),
        prefer="threads" if threads else "processes",
        return_as="generator_unordered",
    )
    done = parallel(joblib.delayed(work)(run, item) for item in units)
    return list(tracked(done, len(units), stage, unit))
