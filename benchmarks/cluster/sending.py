"""Send units to the workers, and take what comes back as soon as it is there."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

import distributed

from benchmarks.cluster.choice import ClusterChoice
from benchmarks.cluster.faults import fault_of_dask, fault_of_work, scheduler_lost
from benchmarks.cluster.start import no_workers
from benchmarks.cluster.unit import Outcome, Unit, do

LOOKING = 1.0
"""Seconds after which it is looked whether anybody is still at work."""


class Sending:
    """Units of one stage on their way.

    Args:
        client: of the workers.
        choice: the user's.
    """

    def __init__(self, client: distributed.Client, choice: ClusterChoice) -> None:
        self._client, self._choice = client, choice
        self._name = f"uncertainty-bench-{uuid4().hex}"
        self._under_way: dict[object, distributed.Future[bytes]] = {}
        self._done: SimpleQueue[distributed.Future[bytes]] = SimpleQueue()
        self._lost, self._seen = 0, time.monotonic()

    def outcomes(self, units: Sequence[Unit]) -> Iterator[Outcome]:
        """What became of each unit, in the order in which they were finished.

        Raises:
            UserError, MachineError: see `benchmarks.cluster.faults`.
        """
        with self._losses_counted():
            try:
                self._send(units)
                for _ in units:
                    yield self._next()
            finally:
                if self._client.status == "running" and self._under_way:
                    with suppress(Exception):
                        self._client.cancel(list(self._under_way.values()))

    def note(self) -> str:
        """How many units are at work, and how many were lost with their workers and sent again."""
        running = 0
        with suppress(Exception):
            of_workers = self._client.processing().values()
            running = sum(self._is_ours(key) for keys in of_workers for key in keys)
        return f", {running} running, {self._lost} lost"

    def _send(self, units: Sequence[Unit]) -> None:
        for position, unit in enumerate(units):
            key = f"{self._name}-{position}"
            future = self._client.submit(do, pickle.dumps(unit), key=key, pure=False)
            self._under_way[key] = future
            future.add_done_callback(self._done.put)

    def _next(self) -> Outcome:
        future = self._finished()
        try:
            content = future.result()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise fault_of_dask(error, self._choice) from error
        del self._under_way[str(future.key)]
        outcome: Outcome = pickle.loads(content)
        if outcome.error is not None:
            raise fault_of_work(outcome, self._choice)
        return outcome

    def _finished(self) -> distributed.Future[bytes]:
        while True:
            try:
                future = self._done.get(timeout=LOOKING)
            except Empty:
                self._require_workers()
            else:
                self._seen = time.monotonic()
                return future

    def _require_workers(self) -> None:
        if self._client.status != "running":
            raise scheduler_lost(self._choice)
        try:
            workers = self._client.nthreads()
        except Exception as error:
            raise scheduler_lost(self._choice) from error
        if workers:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._choice.wait:
            raise no_workers(self._choice)

    @contextmanager
    def _losses_counted(self) -> Iterator[None]:
        """While the block runs, units are counted whose worker has gone."""

        def count(event: tuple[float, Any]) -> None:
            _, what = event
            if isinstance(what, dict) and what.get("action") == "remove-worker":
                self._lost += sum(map(self._is_ours, what.get("processing-tasks", ())))

        self._client.subscribe_topic("all", count)
        try:
            yield
        finally:
            with suppress(Exception):
                self._client.unsubscribe_topic("all")

    def _is_ours(self, key: object) -> bool:
        return str(key).startswith(self._name)
