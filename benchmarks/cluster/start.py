"""Start the workers that a user chose, or connect to their scheduler."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import dask
import distributed
from joblib import cpu_count

from benchmarks.cluster.choice import ADDRESS, LOCAL, ClusterChoice
from benchmarks.cluster.faults import scheduler_asked
from benchmarks.cluster.options import queue_class
from benchmarks.cluster.quiet import dask_held_back
from benchmarks.errors import AGAIN, MachineError, UserError, one_line
from benchmarks.parallel import interrupts_held_back
from benchmarks.progress import announce

DEATHS = 3
"""How many workers a unit may lose before it is given up with the next one."""

SETTINGS = {
    # A custom method may start processes of its own.
    "distributed.worker.daemon": False,
    "distributed.scheduler.allowed-failures": DEATHS,
    # A worker that is lost takes few units with it, and few others are suspected.
    "distributed.scheduler.worker-saturation": 1.0,
    # Where cores are busy, or compiled code holds Python's lock, a worker is silent for minutes; of
    # one that has ended, the system tells.
    "distributed.scheduler.worker-ttl": None,
    "distributed.comm.timeouts.connect": "300s",
    "distributed.comm.timeouts.tcp": "300s",
}

GIVEN_UP = "distributed.deploy.lost-worker-timeout"
"""After how long a worker that has ended, and has not come back, is given up for another."""

CONNECTING = 10
"""Seconds in which a scheduler must answer."""

CLOSING = 3
"""Seconds in which workers may end by themselves."""


@contextmanager
def started(choice: ClusterChoice) -> Iterator[distributed.Client]:
    """A client whose workers are started, or being started; afterwards they are ended.

    Workers of a scheduler that was there before stay.

    Raises:
        UserError: no scheduler listens at the address, or the options cannot be used.
        MachineError: workers or jobs cannot be started.
    """
    with ExitStack() as stack:
        stack.enter_context(dask_held_back())
        stack.enter_context(dask.config.set(SETTINGS | {GIVEN_UP: _given_up_after(choice)}))
        with interrupts_held_back():
            client = _connected(choice) if choice.backend == ADDRESS else _begun(choice, stack)
        stack.callback(_quietly, client.close, timeout=CLOSING)
        yield client


def wait_for_a_worker(client: distributed.Client, choice: ClusterChoice) -> None:
    """Wait until there is one, and say how many there are.

    Raises:
        MachineError: there is none in time, or the scheduler is gone.
    """
    try:
        with scheduler_asked(choice):
            if not client.nthreads():
                announce("cluster", f"waiting for workers ({choice.backend})")
            client.wait_for_workers(1, timeout=choice.wait)
    except TimeoutError as error:
        raise no_workers(choice) from error


def no_workers(choice: ClusterChoice) -> MachineError:
    """There has been none for as long as the user waits."""
    why = {
        LOCAL: "they end as soon as they start, perhaps for want of memory",
        ADDRESS: "start some with: dask worker ADDRESS --nthreads 1",
    }.get(choice.backend, "see the queue, and the output of its jobs")
    return MachineError(
        f"--cluster {choice.file}: there has been no worker for {choice.wait:.0f} s; {why}; 'wait' "
        f"sets how long the run waits. {AGAIN}"
    )


def _given_up_after(choice: ClusterChoice) -> str:
    """One of this machine is started again in its place, which takes a minute where cores are busy.

    One of a queue is replaced by another job.
    """
    return "24h" if choice.backend == LOCAL else "60s"


def _connected(choice: ClusterChoice) -> distributed.Client:
    address = choice.options["address"]
    try:
        return distributed.Client(**({"timeout": CONNECTING} | choice.options))
    except (OSError, TimeoutError) as error:
        raise UserError(
            f"--cluster {choice.file}: no scheduler answers at {address}; start one with "
            "'dask scheduler', or correct the address"
        ) from error
    except Exception as error:  # Dask raises nearly anything of options that it does not expect
        raise _unusable(choice, error) from error


def _begun(choice: ClusterChoice, stack: ExitStack) -> distributed.Client:
    cluster = _local(choice) if choice.backend == LOCAL else _jobs(choice)
    stack.callback(_quietly, cluster.close, timeout=CLOSING)
    with scheduler_asked(choice):
        return distributed.Client(cluster, timeout=CONNECTING)


def _local(choice: ClusterChoice) -> distributed.LocalCluster:
    usual: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    ours = {"processes": True, "threads_per_worker": 1, "silence_logs": 100}
    try:
        return distributed.LocalCluster(
            n_workers=choice.workers or cpu_count(), **(usual | choice.options | ours)
        )
    except OSError as error:
        raise MachineError(f"--cluster {choice.file}: {one_line(error)}") from error
    except Exception as error:  # see `_connected`
        raise _unusable(choice, error) from error


def _jobs(choice: ClusterChoice) -> distributed.SpecCluster:
    """Jobs of a queue, each replaced when it ends."""
    kind = queue_class(choice)
    command = str(kind.job_cls.submit_command).split()[0]  # type: ignore[attr-defined]
    if shutil.which(command) is None:
        raise UserError(
            f"--cluster {choice.file}: there is no {command!r} here; run this where jobs are "
            "submitted, or choose another backend"
        )
    usual = {"cores": 1, "processes": 1}
    try:
        cluster = kind(**(usual | choice.options))
    except Exception as error:  # see `_connected`
        raise _unusable(choice, error) from error
    try:
        cluster.sync(_submitted, cluster, choice.workers)
    except Exception as error:
        _quietly(cluster.close, timeout=CLOSING)
        why = " ".join(str(error).split())[:400]
        raise UserError(f"--cluster {choice.file}: a job cannot be submitted ({why})") from error
    cluster.adapt(minimum_jobs=choice.workers, maximum_jobs=choice.workers)
    return cluster


async def _submitted(cluster: Any, jobs: int) -> None:
    cluster.scale(jobs=jobs)
    await cluster._correct_state()  # else an error of the queue is logged, and nobody told


def _unusable(choice: ClusterChoice, error: Exception) -> UserError:
    return UserError(f"--cluster {choice.file}: Dask cannot use these options ({one_line(error)})")


def _quietly(close: Any, **options: Any) -> None:
    """What is closed may be gone already."""
    with suppress(Exception):
        close(**options)
