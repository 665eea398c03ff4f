"""Where methods and scores stand side by side to be timed, one batch size after another.

What a method adds to a forward of its networks is timed apart from that forward, which has one
stopwatch for all that share it: so by chance alone, no method is faster than another that does as
much and more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.latency.cost import network_cost, peak_memory
from benchmarks.latency.places import FITTED_ON, LatencyTask, TimedOn
from benchmarks.latency.stopwatch import Limits, Stopwatch, added, is_precise, median_interval
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import fit, reason_of
from benchmarks.schema import Latency, members_text
from methods import METHODS, PooledMethod, UncertaintyMethod
from methods.determinism import derive_seed
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

    def time_round(self, number: int, random: np.random.Generator) -> None:
        """Give each stopwatch its share of a round, in random order."""
        every = chain.from_iterable(parts for _, parts in self._prepared.values())
        stopwatches = list(dict.fromkeys(every))
        for position in random.permutation(len(stopwatches)):
            stopwatches[position].time_round(number)

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
