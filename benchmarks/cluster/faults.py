"""What went wrong on a worker, or between it and this machine, in one line each."""

from __future__ import annotations

import errno
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager

import distributed
from distributed.scheduler import KilledWorker

from benchmarks.cluster.choice import ClusterChoice
from benchmarks.cluster.requirements import UnfitWorkerError
from benchmarks.cluster.unit import Outcome
from benchmarks.errors import AGAIN, MachineError, UserError, one_line

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

MISSING = ("ModuleNotFoundError(", "ImportError(")


def scheduler_lost(choice: ClusterChoice) -> MachineError:
    """The scheduler is gone, and with it what was under way."""
    return MachineError(
        f"--cluster {choice.file}: the connection to the scheduler was lost; see whether it has "
        f"ended. {AGAIN}"
    )


@contextmanager
def scheduler_asked(choice: ClusterChoice) -> Iterator[None]:
    """While the block runs, the scheduler is asked for something, and may be gone.

    Raises:
        MachineError: it is.
    """
    try:
        yield
    except TimeoutError:  # of what was asked for; an `OSError`, too
        raise
    except OSError as error:
        raise scheduler_lost(choice) from error


def fault_of_dask(error: BaseException, choice: ClusterChoice) -> Exception:
    """What is said where Dask gives no outcome of a unit."""
    if isinstance(error, KilledWorker):
        return MachineError(
            f"--cluster {choice.file}: {error.allowed_failures + 1} workers ended one after the "
            "other while they did one unit: they crashed, were killed, or ran out of wall time. "
            f"{AGAIN}"
        )
    if is_without_package(error):
        return without_package("a worker", choice)
    if isinstance(error, (CancelledError, distributed.client.FutureCancelledError)):
        return scheduler_lost(choice)
    return MachineError(f"--cluster {choice.file}: Dask failed ({one_line(error)}). {AGAIN}")


def is_without_package(found: object) -> bool:
    """Whether a worker's answer is that it cannot import the suite."""
    # Where a worker cannot read the question, Dask answers with the text of its error.
    told = isinstance(found, Exception) and str(found).startswith(MISSING)
    return told or isinstance(found, ImportError)


def without_package(worker: str, choice: ClusterChoice) -> UserError:
    """A worker cannot import the suite."""
    return UserError(
        f"--cluster {choice.file}: {worker} has no package uncertainty-bench, or not all that it "
        "needs; install the same version there"
    )


def unfit(worker: str, wrong: str, choice: ClusterChoice) -> UserError:
    """A worker that cannot do units of this run."""
    return UserError(f"--cluster {choice.file}: the worker at {worker} {wrong}")


def fault_of_work(outcome: Outcome, choice: ClusterChoice) -> Exception:
    """What is said of an error in a unit; foreseen ones are the same wherever they happen."""
    error = outcome.error
    assert error is not None
    if isinstance(error, UnfitWorkerError):
        return unfit(outcome.worker, str(error), choice)
    if isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        remedy = "make room there. " if error.errno in NO_ROOM else ""
        return MachineError(
            f"the worker at {outcome.worker}: {file}{error.strerror or error}; {remedy}{AGAIN}"
        )
    error.add_note(f"The worker at {outcome.worker} did this:\n{outcome.trace}")
    return error
