"""The workers of Dask, as a run uses them: started when there is something to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Self
from uuid import uuid4

import distributed

from benchmarks.cluster.choice import LOCAL, ClusterChoice
from benchmarks.cluster.faults import (
    is_without_package,
    scheduler_asked,
    unfit,
    without_package,
)
from benchmarks.cluster.options import require_known_options
from benchmarks.cluster.requirements import Requirements, misfit, requirements
from benchmarks.cluster.sending import Sending
from benchmarks.cluster.start import started, wait_for_a_worker
from benchmarks.cluster.unit import Unit
from benchmarks.progress import announce, tracked
from benchmarks.run.workspace import Item, Result, Workspace

SHARED = ".shared-"
"""How files are called by which workers see that they share the folder."""


class DaskCluster:
    """See `benchmarks.run.workspace.Cluster`; a context manager that ends what it has started.

    Args:
        choice: the user's.
        methods: the custom methods of the run, by their places.
        kernels: whether the run needs the kernels.
    """

    def __init__(self, choice: ClusterChoice, *, methods: Sequence[str], kernels: bool) -> None:
        require_known_options(choice)
        self._choice, self._methods, self._kernels = choice, methods, kernels
        self._open = ExitStack()
        self._client: distributed.Client | None = None
        self._required: Requirements | None = None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Another process has none: `None`."""
        return type(None), ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def in_parallel(
        self,
        work: Callable[[Workspace, Item], Result],
        workspace: Workspace,
        items: Sequence[Item],
        *,
        stage: str,
        what: str,
    ) -> list[Result]:
        """See `Workspace.in_parallel`.

        Raises:
            UserError, MachineError: the workers cannot be used, or are lost.
        """
        client, required = self._begun(workspace)
        units = [Unit(required, work, workspace, item) for item in items]
        sending = Sending(client, self._choice)
        outcomes = sending.outcomes(units)
        done = tracked(outcomes, len(units), stage, what, note=sending.note)
        return [outcome.result for outcome in done]

    def leave_this_machine(self) -> None:
        """End the workers that are on this machine."""
        if self._choice.backend == LOCAL:
            self._close()

    def _close(self) -> None:
        self._client = self._required = None
        self._open.close()

    def _begun(self, workspace: Workspace) -> tuple[distributed.Client, Requirements]:
        """The client of workers that are there and fit, and what is required of others."""
        if self._client is None or self._required is None:
            with ExitStack() as stack:
                client = stack.enter_context(started(self._choice))
                wait_for_a_worker(client, self._choice)
                required = self._requirements(workspace, stack)
                self._require_fit_workers(client, required)
                workers, link = self._workers(client), client.dashboard_link
                announce("cluster", f"{workers} workers; dashboard: {link or 'none'}")
                self._client, self._required = client, required
                self._open = stack.pop_all()
        return self._client, self._required

    def _workers(self, client: distributed.Client) -> int:
        with scheduler_asked(self._choice):
            return len(client.nthreads())

    def _requirements(self, workspace: Workspace, stack: ExitStack) -> Requirements:
        for left in workspace.out.glob(f"{SHARED}*"):  # by a killed run
            left.unlink(missing_ok=True)
        shared = workspace.out / f"{SHARED}{uuid4().hex}"
        shared.touch()
        stack.callback(partial(shared.unlink, missing_ok=True))
        return requirements(shared, workspace.networks, self._methods, kernels=self._kernels)

    def _require_fit_workers(self, client: distributed.Client, required: Requirements) -> None:
        """Stop before anything is sent; workers that join later look at themselves."""
        with scheduler_asked(self._choice):
            found = client.run(misfit, required, on_error="return")
        for worker, wrong in found.items():
            if is_without_package(wrong):
                raise without_package(f"the worker at {worker}", self._choice) from wrong
            if isinstance(wrong, BaseException):
                wrong = f"cannot be asked for its versions ({type(wrong).__name__}: {wrong})"
            if wrong:
                raise unfit(worker, wrong, self._choice)
