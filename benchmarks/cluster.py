"""A run's units on the workers of Dask: of this machine, of a scheduler, or of a queue.

Where a worker is lost, its units are handed out again, and write the same files.
"""

from __future__ import annotations

import logging
import pickle
import signal
import time
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dask
import distributed
import yaml
from joblib import cpu_count

from benchmarks.io import AGAIN, MachineError, UserError, one_line
from benchmarks.parallel import Result, interrupts_held_back
from benchmarks.progress import Item, announce, tracked
from benchmarks.run.custom_method import load_method
from benchmarks.run.workspace import Workspace, compile_once
from methods.determinism import COMPUTE, one_torch_thread, version_of
from methods.version import suite_version

LOCAL, ADDRESS, KEYS = "local", "address", ("backend", "workers", "wait", "options")

SETTINGS = {
    # A unit that ends a fourth worker ends the run.
    "distributed.scheduler.allowed-failures": 3,
    # A worker that is lost takes few units with it, and few others are suspected.
    "distributed.scheduler.worker-saturation": 1.0,
    # Busy workers are silent for minutes; of one that has ended, the system tells.
    "distributed.scheduler.worker-ttl": None,
    "distributed.comm.timeouts.connect": "300s",
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.deploy.lost-worker-timeout": "300s",
}

SILENT = 100  # above all levels of logging: the suite says in one line what went wrong


@dataclass(frozen=True)
class ClusterChoice:
    """What a YAML file chooses."""

    file: Path
    backend: str = ""  # `LOCAL`, `ADDRESS` or the name of a class of dask-jobqueue
    workers: int | None = None  # of this machine, or jobs of a queue; `None`: a worker a core
    wait: float = 300  # seconds without any worker after which the run ends
    options: dict[str, Any] = field(default_factory=dict)  # of the class of Dask


def read_choice(file: Path) -> ClusterChoice:
    """The choice in a YAML file; a `UserError` where it does not say what it should."""
    try:
        content = dict(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
        why = f"the file cannot be read as YAML with keys ({one_line(error)})"
        raise UserError(f"--cluster {file}: {why}") from error
    queue = content.get("backend") not in (LOCAL, ADDRESS)
    choice: dict[str, Any] = {"wait": 3600 if queue else 300} | content
    backend, workers = choice.get("backend"), choice.get("workers")
    known = dask.config.get("scheduler-address", None)  # which Dask's own settings may name
    if unknown := [key for key in content if key not in KEYS]:
        why = f"unknown key {unknown[0]!r}; choose from {', '.join(KEYS)} (an address is an option)"
    elif queue and not str(backend).endswith("Cluster"):
        why = (
            f"backend: {backend!r} is none; choose from local, address, or a class of "
            "dask-jobqueue such as SLURMCluster"
        )
    elif (workers is not None or queue) and (type(workers) is not int or workers < 1):
        why = f"workers: {workers!r}; expected a whole number from 1"
    elif type(choice["wait"]) not in (int, float):
        why = f"wait: {choice['wait']!r}; expected a number of seconds"
    elif not isinstance(options := choice.get("options", {}), dict):
        why = f"options: {options!r}; expected names with values, as 'memory: 4GB'"
    elif backend == ADDRESS and not ({"address", "scheduler_file"} & options.keys() or known):
        why = "options: there is no address of a scheduler; add 'address: tcp://HOST:8786'"
    else:
        return ClusterChoice(file, **choice)
    raise UserError(f"--cluster {file}: {why}")


class DaskCluster(ExitStack):
    """See `benchmarks.run.workspace.Cluster`; a context manager that ends what it has started."""

    def __init__(self, choice: ClusterChoice, *, kernels: bool) -> None:
        super().__init__()
        self._choice, self._kernels = choice, kernels
        self._begun: tuple[distributed.Client, Callable[[], None]] | None = None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Nothing is pickled: another process has no cluster."""
        return type(None), ()

    def in_parallel(
        self,
        work: Callable[[Workspace, Item], Result],
        workspace: Workspace,
        items: Sequence[Item],
        *,
        stage: str,
        what: str,
    ) -> list[Result]:
        """See `Workspace.in_parallel`; a `UserError` or `MachineError` where workers fail."""
        if self._begun is None:  # not before: where all is finished, workers have nothing to do
            self._begun = self._begin(workspace)
        client, check = self._begun
        units = [pickle.dumps((check, work, workspace, item)) for item in items]
        results: list[Result] = []
        for outcome in tracked(self._outcomes(client, units), len(units), stage, what):
            result, error = pickle.loads(outcome)
            if error is not None:
                raise error
            results.append(result)
        return results

    def leave_this_machine(self) -> None:
        """End the workers that are on this machine."""
        if self._choice.backend == LOCAL:
            self._begun = None
            self.close()

    def _begin(self, workspace: Workspace) -> tuple[distributed.Client, Callable[[], None]]:
        """The client of workers, and what each of them is to check before its first unit."""
        shared = workspace.out / ".cluster"  # by it workers see that they share the folder
        shared.touch()
        self.callback(shared.unlink, missing_ok=True)
        self.enter_context(dask.config.set(SETTINGS))
        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(SILENT)
        try:
            with interrupts_held_back():
                client = self._client()
            workers, dashboard = len(client.nthreads()), client.dashboard_link or "none"
        except Exception as error:  # Dask raises nearly anything of options
            why = f"Dask cannot start from it ({one_line(error)})"
            raise UserError(f"--cluster {self._choice.file}: {why}") from error
        announce("cluster", f"{workers} workers; dashboard: {dashboard}")
        return client, partial(require_fit, _versions(), shared, workspace.networks, self._kernels)

    def _client(self) -> Any:
        """A client whose workers are started, or are being started."""
        backend, workers, options = self._choice.backend, self._choice.workers, self._choice.options
        if backend == ADDRESS:
            return self._closed_at_end(distributed.Client(**({"timeout": 10} | options)))
        if backend == LOCAL:
            ours = {"processes": True, "threads_per_worker": 1, "silence_logs": SILENT}
            usual = {"dashboard_address": "127.0.0.1:0", "memory_limit": 0} | options
            cluster = distributed.LocalCluster(workers or cpu_count(), **ours, **usual)
            return self._closed_at_end(distributed.Client(self._closed_at_end(cluster)))
        handler = signal.getsignal(signal.SIGINT)
        import dask_jobqueue  # here, not above: it takes Ctrl-C for itself, which is undone

        signal.signal(signal.SIGINT, handler)
        options = {"cores": 1, "processes": 1} | options
        cluster = self._closed_at_end(getattr(dask_jobqueue, backend)(**options))
        cluster.sync(_submitted, cluster, workers)
        return self._closed_at_end(distributed.Client(cluster))

    def _closed_at_end(self, resource: Any) -> Any:
        """A resource that is closed at the end, if it is still there, in three seconds."""

        def close() -> None:
            with suppress(Exception):
                resource.close(timeout=3)

        self.callback(close)
        return resource

    def _outcomes(self, client: distributed.Client, units: Sequence[bytes]) -> Iterator[bytes]:
        """What comes back of each unit, in the order in which they are finished."""
        finished: SimpleQueue[distributed.Future[bytes]] = SimpleQueue()
        try:
            futures = client.map(do_unit, units, pure=False)
            for future in futures:
                future.add_done_callback(finished.put)
            for _ in units:
                yield self._next(client, finished).result()
        except MachineError:
            raise
        except (Exception, CancelledError) as error:
            why = f"Dask failed ({one_line(error)})"
            raise MachineError(f"--cluster {self._choice.file}: {why}. {AGAIN}") from error

    def _next(self, client: distributed.Client, finished: SimpleQueue[Any]) -> Any:
        """The future that is finished next; an error where there are no workers for too long."""
        seen, wait = time.monotonic(), self._choice.wait
        while True:
            with suppress(Empty):
                return finished.get(timeout=1)
            if client.nthreads():
                seen = time.monotonic()
            elif time.monotonic() - seen > wait:
                why = f"there has been no worker for {wait:.0f} s; 'wait' sets how long"
                raise MachineError(f"--cluster {self._choice.file}: {why}. {AGAIN}")


async def _submitted(cluster: Any, jobs: int) -> None:
    cluster.scale(jobs=jobs)
    await cluster._correct_state()  # else an error of the queue is logged, and nobody told
    cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)  # one that ends is replaced


def do_unit(sent: bytes) -> bytes:
    """Do a unit, called on a worker; by pickle alone, as joblib's processes are sent theirs."""
    try:
        check, work, workspace, item = pickle.loads(sent)
        check()
        with one_torch_thread():
            return pickle.dumps((work(workspace, item), None))
    except Exception as error:
        error.add_note(f"A worker of the cluster did this:\n{traceback.format_exc()}")
        return pickle.dumps((None, error))


@cache
def require_fit(versions: str, shared: Path, networks: Path, kernels: bool) -> None:
    """A `UserError` on a worker, before its first unit, that is not as the machine of the run."""
    worker = distributed.get_worker()
    at = f"--cluster: the worker at {worker.address}"
    if versions != _versions():
        raise UserError(f"{at} has {_versions()}, not {versions}; install the same there")
    if worker.state.nthreads != 1:
        raise UserError(f"{at} has several threads; start it with --nthreads 1, or bits differ")
    if not (_appears(shared) and networks.is_dir()):
        folders = f"{shared.parent} and {networks}"
        raise UserError(f"{at} does not see {folders} as here; use folders that all share")
    load_method.cache_clear()  # of an earlier run: the file may be another by now
    if kernels:
        compile_once()


def _versions() -> str:
    libraries = (f"{name} {version_of(name)}" for name in COMPUTE)
    return ", ".join((f"uncertainty-bench {suite_version()}", *libraries))


def _appears(file: Path) -> bool:
    """Whether the file is there; a shared file system takes seconds to show it."""
    until = time.monotonic() + 5
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.2)
    return file.exists()
