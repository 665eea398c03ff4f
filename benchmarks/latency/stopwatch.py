"""Stopwatches that take turns, so that what disturbs a machine for a while disturbs all alike.

Each times a few calls in each of several rounds. Between rounds, times differ by more than between
the calls of one: so the median of a round is one observation, and the rounds give the interval.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from time import perf_counter_ns
from typing import Literal

import numpy as np
import torch

WALL, DEVICE = "wall", "device"
"""The clocks: the process' own, after the device has finished; and CUDA's events, on the device."""

ROUNDS = 9
"""The fewest of which the interval of the median leaves out the fastest and the slowest."""

PATIENCE = 30
"""So many times the limit of seconds may be used up by calls that are so slow."""

P90_FROM, P99_FROM = 30, 300
"""Calls that a percentile needs: with these, three of them lie beyond it."""


@dataclass(frozen=True)
class Limits:
    """When enough has been timed.

    Attributes:
        seconds: what the calls may take in all rounds together. There is one a round at least, but
            fewer rounds if these would take `PATIENCE` times the seconds.
        calls: of a round at most.
    """

    seconds: float
    calls: int = 300


@dataclass(frozen=True)
class Timed:
    """What one clock showed of the calls.

    Attributes:
        clock: ``wall`` or ``device``.
        rounds: milliseconds of each call, by the number of the round.
    """

    clock: str
    rounds: Mapping[int, Sequence[float]]

    @property
    def medians(self) -> dict[int, float]:
        """The median of the calls of each round, in milliseconds."""
        return {number: float(np.median(calls)) for number, calls in self.rounds.items()}

    @property
    def median(self) -> float:
        """The median over rounds of their medians, in milliseconds."""
        return float(np.median([*self.medians.values()]))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the median over rounds, in milliseconds."""
        return median_interval(sorted(self.medians.values()))

    @property
    def calls(self) -> list[float]:
        """Milliseconds of each call."""
        return [ms for calls in self.rounds.values() for ms in calls]

    def percentile(self, percent: Literal[90, 99]) -> float:
        """Of all calls, in milliseconds; NaN where they are too few."""
        calls = self.calls
        enough = len(calls) >= {90: P90_FROM, 99: P99_FROM}[percent]
        return float(np.percentile(calls, percent)) if enough else math.nan

    @property
    def stopped_because(self) -> str:
        """How many rounds there were, and why not all."""
        if (count := len(self.rounds)) == ROUNDS:
            return f"{ROUNDS} rounds"
        return f"{count} of {ROUNDS} rounds: a call takes {self.median / 1000:.2g} s"


def total(parts: Sequence[Timed]) -> Timed:
    """The time of parts that follow one another but are timed apart, by the same clock.

    In each round that all have, their medians are added: to each call of the longest part those of
    the others.
    """
    longest, *others = sorted(parts, key=lambda part: -part.median)
    medians = [part.medians for part in others]
    return Timed(
        longest.clock,
        {
            number: [ms + sum(other[number] for other in medians) for ms in calls]
            for number, calls in longest.rounds.items()
            if all(number in other for other in medians)
        },
    )


@dataclass(eq=False)
class Stopwatch:
    """Times single calls, a few each time it is this one's turn.

    On a CUDA device both clocks time each call: the wall clock from an idle device to an idle
    device, the device's own between two events in its queue, gaps included.

    Args:
        call: what to time; everything that is not to be timed is done before, and a first call
            made, which prepares what later ones need.
        limits: how long.
        device: where it computes, in torch's words.
        now: the wall clock, in nanoseconds.

    Attributes:
        failure: what a call has raised; it is not made again then.
    """

    call: Callable[[], object]
    limits: Limits
    device: str = "cpu"
    now: Callable[[], int] = perf_counter_ns
    failure: BaseException | None = None
    _wall: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    _on_device: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def time_round(self, number: int) -> None:
        """Time calls for this one's share of a round, if it is among those that it has."""
        if self.failure or not self._is_due(number):
            return
        start = self.now()
        try:
            while True:
                self._time_call(number)
                is_over = (self.now() - start) * ROUNDS >= self.limits.seconds * 1e9
                if is_over or len(self._wall[number]) >= self.limits.calls:
                    return
        except KeyboardInterrupt:
            raise
        # Whatever a method raises is its own failure.
        except BaseException as error:
            self.failure = error

    @property
    def timed(self) -> list[Timed]:
        """What each clock has shown."""
        shown = {WALL: self._wall} | ({DEVICE: self._on_device} if self._is_cuda else {})
        return [Timed(clock, rounds) for clock, rounds in shown.items()]

    @property
    def _is_cuda(self) -> bool:
        return torch.device(self.device).type == "cuda"

    def _is_due(self, number: int) -> bool:
        """Always in the first round, and in as many others, spread evenly, as there is time for."""
        if not self._wall:
            return True
        fastest = min(min(calls) for calls in self._wall.values()) / 1000
        affordable = PATIENCE * self.limits.seconds / fastest if fastest else ROUNDS
        rounds = max(1, min(ROUNDS, int(affordable)))
        return number * rounds // ROUNDS > (number - 1) * rounds // ROUNDS

    def _time_call(self, number: int) -> None:
        events = _events(self.device) if self._is_cuda else None
        self._wait()
        before = self.now()
        if events:
            events[0].record(torch.cuda.current_stream(self.device))
        self.call()
        if events:
            events[1].record(torch.cuda.current_stream(self.device))
        self._wait()
        self._wall[number].append((self.now() - before) / 1e6)
        if events:
            self._on_device[number].append(events[0].elapsed_time(events[1]))

    def _wait(self) -> None:
        """Until the device has nothing left to do."""
        if self._is_cuda:
            torch.cuda.synchronize(self.device)


def _events(device: str) -> tuple[torch.cuda.Event, torch.cuda.Event]:
    with torch.cuda.device(device):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    return first, last


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median of ascending values, free of any distribution.

    The order statistics x₍ₖ₎ and x₍ₙ₊₁₋ₖ₎ with the largest k for which P(B < k) ≤ 2.5 %, where B is
    binomial with n trials of chance ½ (Conover 1999, section 3.2): of `ROUNDS` the second and the
    last but one, which cover 96.1 %. NaN below six.

    >>> median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (1.0, 6.0)
    """
    count = len(values)
    below = accumulate(math.comb(count, successes) for successes in range(count))
    rank = sum(40 * ways <= 2**count for ways in below)  # of 2ⁿ equally likely outcomes
    return (values[rank - 1], values[-rank]) if rank else (math.nan, math.nan)
