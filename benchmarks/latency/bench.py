"""Where methods and scores stand side by side to be timed, one batch size after another.

What a method adds to a forward of its networks is timed apart from that forward, which has one
stopwatch for all that share it: so no method is faster than another by chance alone that does the
same and more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from multiprocessing.connection import Client, Listener
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from benchmarks.latency.cost import allocated, held_bytes, network_cost, peak_memory, state_bytes
from benchmarks.latency.places import FITTED_ON, LatencyRow, LatencyTask, TimedOn, untimed_row
from benchmarks.latency.stopwatch import Limits, Stopwatch, Timed, total
from benchmarks.run.configuration import stored_scores
from benchmarks.run.custom_method import in_own_process
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import fit, reason_of
from benchmarks.schema import Latency, ScoreLatency, members_text
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import derive_seed, torch_threads
from methods.engines.base import NetworkOutputs
from methods.networks.recipes import LabelledImages
from methods.scores import FitError
from methods.scores.score import fit_to_network
from methods.softmax import Softmax

ELSEWHERE = "does not use this device"

Rows = dict[LatencyTask, list[LatencyRow]]
"""Of each task, one for each clock."""


class Fitted(NamedTuple):
    """What is fitted on random images, with networks that are untrained.

    Attributes:
        seconds: how long it took.
        held: bytes that torch has allocated for it on a CUDA device.
    """

    fitted: Any
    seconds: float
    held: int


class Bench:
    """What this process times in one place: each method is fitted once, for all batch sizes."""

    def __init__(self, plan: Plan, place: TimedOn, limits: Limits) -> None:
        self._plan, self._place, self._limits = plan, place, limits
        self._pool = place.untrained_pool(plan)
        self._method = cache(self._fit_method)
        self._score = cache(self._fit_score)
        self._training_outputs = cache(self._compute_training_outputs)

    def prepare(self, tasks: Sequence[LatencyTask]) -> None:
        """Fit what these tasks of one batch size need, and call it once: what it raises is kept."""
        self._rows: dict[LatencyTask, LatencyRow] = {}
        self._parts: dict[LatencyTask, list[Stopwatch]] = {}
        self._forwards: dict[range, tuple[NetworkOutputs, Stopwatch]] = {}
        for task in tasks:
            row, parts = untimed_row(self._plan, task), list[Stopwatch]()
            try:
                if isinstance(row, Latency):
                    row, parts = self._prepared_method(task, row)
                else:
                    row, parts = self._prepared_score(task, row)
            except KeyboardInterrupt:
                raise
            except FitError as error:
                row = replace(row, status="undefined", reason=reason_of(error))
            # Whatever a method raises is its own failure; a batch may be too large for a device.
            except BaseException as error:
                row = failed(row, reason_of(error))
            self._rows[task], self._parts[task] = row, parts

    @property
    def turns(self) -> list[Callable[[int], None]]:
        """What times a round of this number, stopwatch by stopwatch."""
        return [each.time_round for each in dict.fromkeys(chain(*self._parts.values()))]

    def time_round(self, number: int) -> None:
        """Take all turns."""
        for turn in self.turns:
            turn(number)

    def rows(self) -> Rows:
        """What was timed."""
        return {task: list(self._timed_rows(task)) for task in self._rows}

    def _prepared_method(self, task: LatencyTask, row: Latency) -> tuple[Latency, list[Stopwatch]]:
        method, seconds, held = self._method(
            self._plan.configuration.classes[task.method], task.size
        )
        images = random_images(self._plan, task.batch_size)
        if method.pooled:  # a self-trained method gets images on the CPU
            images = images.to(self._place.device)
        row = replace(row, fit_s=round(seconds, 3), state_bytes=state_bytes(method))
        call = partial(method.predict, images)
        row = replace(row, members=members_text(call().members))
        peak = peak_memory(call, device=row.device)
        if not method.pooled and row.device != "cpu" and peak.megabytes == 0 == held:
            return replace(row, status="not applicable", reason=ELSEWHERE), []
        cost = network_cost(method)
        row = replace(
            row,
            peak_memory_mb=None if peak.megabytes is None else round(peak.megabytes, 3),
            **(cost._asdict() if cost else {}),
            reason="; ".join(filter(None, (row.reason, peak.reason))),
        )
        if method.reads == "images" or type(method) not in METHODS.values():
            return row, [self._stopwatch(call)]
        outputs, forward = self._forward(method, images)
        return row, [forward, self._stopwatch(partial(method.predict_outputs, outputs))]

    def _prepared_score(
        self, task: LatencyTask, row: ScoreLatency
    ) -> tuple[ScoreLatency, list[Stopwatch]]:
        """A score is computed from images, too: the forward pass is part of its time."""
        function, seconds, _ = self._score(task.score)
        if seconds:
            row = replace(row, fit_s=round(seconds, 3), state_bytes=held_bytes(function))
        images = random_images(self._plan, task.batch_size).to(row.device)
        outputs, forward = self._forward(self._method(Softmax, None).fitted, images)
        call = partial(function, outputs)
        call()
        return row, [forward, self._stopwatch(call)]

    def _forward(self, method: PooledMethod, images: Tensor) -> tuple[NetworkOutputs, Stopwatch]:
        """What a method's networks give, and the stopwatch of that."""
        if method.networks not in self._forwards:
            call = partial(_outputs, method, images)
            self._forwards[method.networks] = call(), self._stopwatch(call)
        return self._forwards[method.networks]

    def _stopwatch(self, call: Callable[[], object]) -> Stopwatch:
        return Stopwatch(call, self._limits, self._place.device)

    def _timed_rows(self, task: LatencyTask) -> Iterator[LatencyRow]:
        row, parts = self._rows[task], self._parts[task]
        for failure in filter(None, (part.failure for part in parts)):
            yield failed(row, reason_of(failure))
            return
        if not parts:
            yield row
        for clocks in zip(*(part.timed for part in parts), strict=True):
            yield timed_row(row, total(clocks))

    def _fit_method(self, method: type[UncertaintyMethod], size: int | None) -> Fitted:
        learns = method in METHODS.values() and method.fit is not PooledMethod.fit
        images = self._training(learns)
        held = self._plan.task.calibration_images if learns else len(images.labels)
        held_out = LabelledImages(images.images[:held], images.labels[:held]) if held else None
        built = method.build(self._pool, size=size)
        before, begun = allocated(self._place.device), perf_counter()
        fit(built, images, held_out)
        return Fitted(built, perf_counter() - begun, allocated(self._place.device) - before)

    def _fit_score(self, name: str) -> Fitted:
        """The score as a function of what a single network gives."""
        score = stored_scores(self._plan.configuration)[name]
        if (formula := score.function) is not None:
            of_logits = "logits" in score.needs
            return Fitted(lambda o: formula(o.logits if of_logits else o.logits.softmax(-1)), 0, 0)
        outputs, seconds, _ = self._training_outputs()
        network, begun = self._method(Softmax, None).fitted.fitted[0], perf_counter()
        function = fit_to_network(
            score, outputs.features[0], self._training(learns=True).labels, network
        )
        seconds += perf_counter() - begun
        return Fitted(lambda o: function(o.features[0]), seconds, 0)

    def _compute_training_outputs(self) -> Fitted:
        """What a single network gives for as many images as the task has for training."""
        method, begun = self._method(Softmax, None).fitted, perf_counter()
        outputs = method.outputs(self._training(learns=True).images)
        return Fitted(outputs, perf_counter() - begun, 0)

    def _training(self, learns: bool) -> LabelledImages:
        """Random images to fit to, with every label equally often."""
        count = self._plan.task.training_images if learns else FITTED_ON
        labels = torch.arange(count) % len(self._plan.task.classes)
        return LabelledImages(random_images(self._plan, count), labels)


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


def failed(row: LatencyRow, reason: str) -> LatencyRow:
    """The row of what could not be timed."""
    return replace(row, status="failed", reason=reason)


def timed_row(row: LatencyRow, timed: Timed) -> LatencyRow:
    """The row with what a clock showed."""
    lower, upper = timed.interval
    row = replace(
        row,
        p50_ms=round(timed.median, 6),
        p50_lower_ms=round(lower, 6),
        p50_upper_ms=round(upper, 6),
        calls=len(timed.calls),
        stopped_because=timed.stopped_because,
    )
    if isinstance(row, ScoreLatency):
        return row
    return replace(
        row,
        clock=timed.clock,
        p90_ms=round(timed.percentile(90), 6),
        p99_ms=round(timed.percentile(99), 6),
        images_per_s=round(1000 * cast(int, row.batch_size) / timed.median, 2),
    )


class BenchApart:
    """A bench in a process of its own, for a custom method: what it times takes turns with others.

    If the process ends, all its tasks have failed.
    """

    def __init__(self, plan: Plan, place: TimedOn, limits: Limits) -> None:
        self._plan, self._failure, self._tasks = plan, "", list[LatencyTask]()
        with TemporaryDirectory(prefix="uncertainty-bench-") as folder:
            address, key = Path(folder, "address"), secrets.token_bytes(16)
            work = partial(_serve, plan, place, limits, address, key)
            self._process = Thread(target=self._run, args=(work,), daemon=True)
            self._process.start()
            while not address.exists() and self._process.is_alive():
                sleep(0.02)
            there = address.exists()
            self._connection = Client(address.read_text(), authkey=key) if there else None

    def prepare(self, tasks: Sequence[LatencyTask]) -> None:
        """As `Bench.prepare`, there."""
        self._tasks = list(tasks)
        self._ask("prepare", tasks)

    @property
    def turns(self) -> list[Callable[[int], None]]:
        """One, in which all turns are taken there."""
        return [partial(self._ask, "time_round")]

    def rows(self) -> Rows:
        """As `Bench.rows`; if the process has ended, the reason."""
        untimed = {task: untimed_row(self._plan, task) for task in self._tasks}
        timed: Rows | None = self._ask("rows")
        return timed or {task: [failed(row, self._failure)] for task, row in untimed.items()}

    def close(self) -> None:
        """End the process."""
        if self._connection:
            self._connection.close()
        self._process.join()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            in_own_process(work, variables={})
        except Exception as error:
            self._failure = reason_of(error)

    def _ask(self, name: str, *arguments: object) -> Any:
        """What a method of the bench there returns; ``None`` if the process has ended."""
        if self._connection and not self._failure:
            try:
                self._connection.send((name, arguments))
                return self._connection.recv()
            except (EOFError, OSError):
                self._process.join()  # it says how
        return None


def _serve(plan: Plan, place: TimedOn, limits: Limits, address: Path, key: bytes) -> None:
    """In the other process: do what is asked of a bench, until nothing more can be."""
    with torch_threads(place.threads), Listener(authkey=key) as listener:
        bench = Bench(plan, place, limits)
        whole = address.with_suffix(".part")
        whole.write_text(str(listener.address), encoding="utf-8")
        whole.replace(address)
        with listener.accept() as connection:
            while True:
                try:
                    name, arguments = connection.recv()
                except EOFError:
                    return
                connection.send(getattr(bench, name)(*arguments))
