"""Where methods and scores stand side by side to be timed, one batch size after another.

What a method adds to a forward of its networks is timed apart from that forward, which has one
stopwatch for all that share it: so by chance alone, no method is faster than another that does as
much and more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import torch
from torch import Tensor

from benchmarks.latency.cost import network_cost, peak_memory
from benchmarks.latency.places import FITTED_ON, LatencyTask, TimedOn
from benchmarks.latency.stopwatch import Limits, Stopwatch, added, is_precise, median_interval
from benchmarks.run.configuration import stored_scores
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import fit, reason_of
from benchmarks.schema import Latency, members_text
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import derive_seed, torch_threads
from methods.engines.base import NetworkOutputs
from methods.networks.recipes import LabelledImages
from methods.pooled import learns_in_fit, require_features
from methods.scores import FitError
from methods.scores.score import fit_to_network
from methods.softmax import Softmax

Rows = dict[LatencyTask, Latency]

Parts = list[Stopwatch]
"""Of what follows one another in a call."""


class Bench:
    """What this process times in one place: all is fitted once, for every batch size."""

    def __init__(self, plan: Plan, place: TimedOn, limits: Limits) -> None:
        self._plan, self._place, self._limits = plan, place, limits
        self._pool = place.untrained_pool(plan)
        self._method, self._score = cache(self._fit_method), cache(self._fit_score)
        self._prepared: dict[LatencyTask, tuple[Latency, Parts]] = {}
        self._forwards: dict[range, tuple[NetworkOutputs, Stopwatch]] = {}

    def prepare(self, tasks: Sequence[LatencyTask]) -> None:
        """Make ready what these tasks of one batch size time; what cannot be has failed."""
        self._prepared, self._forwards = {}, {}
        for task in tasks:
            images = random_images(self._plan, task.row.batch_size)
            prepare = self._prepare_score if task.row.score else self._prepare_method
            try:
                self._prepared[task] = prepare(task, images)
            except KeyboardInterrupt:
                raise
            # Whatever a method raises is its own failure; a batch may be too large for a device.
            except BaseException as error:
                status = "undefined" if isinstance(error, FitError) else "failed"
                self._prepared[task] = replace(task.row, status=status, reason=reason_of(error)), []

    @property
    def turns(self) -> list[Callable[[int], None]]:
        """What times a round of this number, stopwatch by stopwatch."""
        every = chain.from_iterable(parts for _, parts in self._prepared.values())
        return [each.time_round for each in dict.fromkeys(every)]

    def time_round(self, number: int) -> None:
        """Take all turns."""
        for turn in self.turns:
            turn(number)

    def is_done(self) -> bool:
        """Whether everything is timed precisely, as far as more rounds help."""
        timed = [parts for _, parts in self._prepared.values() if parts]
        return all(any(p.is_over for p in parts) or is_precise(added(parts)) for parts in timed)

    def rows(self) -> Rows:
        """What was timed."""
        return {task: _timed(*prepared) for task, prepared in self._prepared.items()}

    def _prepare_method(self, task: LatencyTask, images: Tensor) -> tuple[Latency, Parts]:
        row, classes = task.row, self._plan.configuration.classes
        method, seconds = self._method(classes[row.method], task.size)
        # A self-trained method gets images on the CPU.
        images = images.to(self._place.device) if method.pooled else images
        call = partial(method.predict, images)
        members = members_text(call().members) if task.size is None else row.members
        peak = peak_memory(call, device=row.device)
        row = replace(
            row,
            members=members,
            fit_s=round(seconds, 3),
            peak_memory_mb=None if peak is None else round(peak, 3),
            **network_cost(method)._asdict(),
        )
        if not method.pooled and row.device != "cpu" and not peak:
            return replace(row, status="not applicable", reason="does not use this device"), []
        if method.reads == "images" or type(method) not in METHODS.values():
            return row, [self._stopwatch(call)]
        outputs, forward = self._forward(method, images)
        return row, [forward, self._stopwatch(partial(method.predict_outputs, outputs))]

    def _prepare_score(self, task: LatencyTask, images: Tensor) -> tuple[Latency, Parts]:
        """A score is computed from images, too: the forward pass is part of its time."""
        function, seconds = self._score(task.row.score)
        method, _ = self._method(Softmax, None)
        outputs, forward = self._forward(method, images.to(self._place.device))
        call = partial(function, outputs)
        call()
        row = replace(task.row, members=members_text(1), fit_s=round(seconds, 3))
        return row, [forward, self._stopwatch(call)]

    def _forward(self, method: PooledMethod, images: Tensor) -> tuple[NetworkOutputs, Stopwatch]:
        """What a method's networks give, and the stopwatch of that."""
        if method.networks not in self._forwards:
            call = partial(_outputs, method, images)
            self._forwards[method.networks] = call(), self._stopwatch(call)
        return self._forwards[method.networks]

    def _stopwatch(self, call: Callable[[], object]) -> Stopwatch:
        return Stopwatch(call, self._limits, self._place.device)

    def _fit_method(self, method: type[UncertaintyMethod], size: int | None) -> tuple[Any, float]:
        """The method, fitted on random images, and in how many seconds."""
        learns = method in METHODS.values() and learns_in_fit(method)
        count = self._plan.task.training_images if learns else FITTED_ON
        images = random_training_images(self._plan, count)
        held = self._plan.task.calibration_images if learns else count
        held_out = LabelledImages(images.images[:held], images.labels[:held]) if held else None
        built, begun = method.build(self._pool, size=size), perf_counter()
        return fit(built, images, held_out), perf_counter() - begun

    def _fit_score(self, name: str) -> tuple[Callable[[NetworkOutputs], Tensor], float]:
        """The score as a function of what a network gives, and in how many seconds it is fitted."""
        score = stored_scores(self._plan.configuration)[name]
        if (formula := score.function) is not None:
            if "logits" in score.needs:
                return lambda outputs: formula(outputs.logits), 0.0
            return lambda outputs: formula(outputs.logits.softmax(dim=-1)), 0.0
        method, _ = self._method(Softmax, None)
        images = random_training_images(self._plan, self._plan.task.training_images)
        begun = perf_counter()
        (features,), (network,) = method.features(images.images), method.fitted
        function = fit_to_network(score, features, images.labels, network)
        seconds = perf_counter() - begun
        return lambda outputs: function(require_features(outputs)[0]), seconds


def _outputs(method: PooledMethod, images: Tensor) -> NetworkOutputs:
    """One forward of a method's networks; of several the logits alone, which engines may batch."""
    if len(method.fitted) == 1:
        return method.outputs(images)
    return NetworkOutputs(method.prepared.logits(images))


def random_images(plan: Plan, count: int) -> Tensor:
    """So many images of the task's shape, in [0, 1]; the same for the same number."""
    seed = derive_seed("latency", plan.configuration.seed, count)
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *plan.task.shape, generator=generator)


def random_training_images(plan: Plan, count: int) -> LabelledImages:
    """So many random images, with every label equally often."""
    labels = torch.arange(count) % len(plan.task.classes)
    return LabelledImages(random_images(plan, count), labels)


def _timed(row: Latency, parts: Parts) -> Latency:
    """The row with what the stopwatches showed, or with what went wrong."""
    if failures := [part.failure for part in parts if part.failure]:
        return replace(row, status="failed", reason=reason_of(failures[0]))
    if not parts:
        return row
    rounds = added(parts)
    lower, upper = median_interval(rounds)
    return replace(
        row,
        p50_ms=round(median(rounds), 6),
        p50_lower_ms=round(lower, 6),
        p50_upper_ms=round(upper, 6),
        images_per_s=round(1000 * row.batch_size / median(rounds), 2),
    )


LONGEST_GOODBYE = 2.0
"""Seconds in which a process ends that is in no call."""


class BenchApart:
    """A bench in a process of its own, for a custom method: what it times takes turns with others.

    If the process ends, all its tasks have failed.
    """

    def __init__(self, plan: Plan, place: TimedOn, limits: Limits) -> None:
        self._tasks, self._ended = list[LatencyTask](), Future[None]()
        self._folder = TemporaryDirectory(prefix="uncertainty-bench-")
        self._bench: Connection | None = None
        address = str(Path(self._folder.name, "socket"))
        work = partial(_serve, plan, place, limits, address)
        # As a daemon: after Ctrl-C nobody waits for a call that takes long.
        Thread(target=_run_apart, args=(work, self._ended), daemon=True).start()
        while not (self._bench or self._ended.done()):
            with suppress(OSError):  # it does not listen yet
                self._bench = Client(address)
            sleep(0.02)

    def prepare(self, tasks: Sequence[LatencyTask]) -> None:
        """As `Bench.prepare`, there."""
        self._tasks = list(tasks)
        self._ask("prepare", tasks)

    @property
    def turns(self) -> list[Callable[[int], None]]:
        """One, in which all turns are taken there."""
        return [partial(self._ask, "time_round")]

    def is_done(self) -> bool:
        """As `Bench.is_done`, or the process has ended."""
        return self._ask("is_done") is not False

    def rows(self) -> Rows:
        """As `Bench.rows`; if the process has ended, the reason."""
        rows: Rows | None = self._ask("rows")
        if rows is not None:
            return rows
        silent = ProcessEndedError("the method's process ended without an answer")
        reason = reason_of(self._ended.exception() or silent)
        return {t: replace(t.row, status="failed", reason=reason) for t in self._tasks}

    def close(self) -> None:
        """End the process, unless it is in the middle of a call."""
        if self._bench:
            self._bench.close()
        wait([self._ended], timeout=LONGEST_GOODBYE)
        self._folder.cleanup()

    def _ask(self, name: str, *arguments: object) -> Any:
        """What a method of the bench there returns; ``None`` if the process has ended."""
        with suppress(EOFError, OSError):
            if self._bench:
                self._bench.send((name, arguments))
                return self._bench.recv()
        return None


def _run_apart(work: Callable[[], None], ended: Future[None]) -> None:
    try:
        ended.set_result(in_own_process(work, variables={}))
    except Exception as error:
        ended.set_exception(error)


def _serve(plan: Plan, place: TimedOn, limits: Limits, address: str) -> None:
    """In the other process: do what a bench is asked to, until nothing more can be asked."""
    bench, owner = Bench(plan, place, limits), os.getpid()
    with (
        torch_threads(place.threads),
        Listener(address) as listener,
        listener.accept() as connection,
        suppress(EOFError),
    ):
        while True:
            name, arguments = connection.recv()
            answer = getattr(bench, name)(*arguments)
            if os.getpid() != owner:  # as in `do`
                return
            connection.send(answer)
