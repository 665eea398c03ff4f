"""A warmed-up, synchronised stopwatch around a callable: every single call is timed.

Averages over blocks of calls would hide the tails, a clock that does not wait for the device would
time the launch of its work, and the first call prepares what later ones need.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from time import perf_counter_ns
from typing import Literal

import numpy as np
import torch

WALL, DEVICE = "wall", "device"
"""The clocks: the process' own, after the device has finished; and CUDA's events, on the device."""

P90_FROM, P99_FROM = 30, 300
"""Calls that a percentile needs: with these, three of them lie beyond it."""

INTERVAL_FROM = 6
"""Calls that the interval of a median needs."""

PATIENCE = 8
"""So many times the limit of seconds may be used up for an interval of the median."""


@dataclass(frozen=True)
class Limits:
    """When enough has been timed.

    Attributes:
        seconds, calls: what the timed calls may take at most; there is always one. Slow calls may
            take `PATIENCE` times the seconds if the median has an interval then.
        fewest: calls to make even if the median is precise, so that the tails are measured.
        within: the largest half-width of the median's interval, as a share of the median.
        warm_up: untimed calls after a first one, which may take long to load what later ones need;
            they end early at a fifth of ``seconds``.
    """

    seconds: float
    calls: int = 3000
    fewest: int = P99_FROM
    within: float = 0.02
    warm_up: int = 10


@dataclass(frozen=True)
class Timed:
    """The calls as timed by one clock.

    Attributes:
        clock: ``wall`` or ``device``.
        calls: milliseconds of each call, ascending.
        stopped_because: ``median within 2 %``, or the limit that was reached first.
    """

    clock: str
    calls: tuple[float, ...]
    stopped_because: str

    @property
    def median(self) -> float:
        """Milliseconds."""
        return float(np.median(self.calls))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the median, in milliseconds."""
        return median_interval(self.calls)

    def percentile(self, percent: Literal[90, 99]) -> float:
        """Milliseconds; NaN where the calls are too few."""
        enough = len(self.calls) >= {90: P90_FROM, 99: P99_FROM}[percent]
        return float(np.percentile(self.calls, percent)) if enough else math.nan


def stopwatch(
    call: Callable[[], object],
    limits: Limits,
    *,
    device: str = "cpu",
    now: Callable[[], int] = perf_counter_ns,
) -> list[Timed]:
    """Time single calls until their median is known well enough.

    On a CUDA device both clocks time each call: the wall clock from an idle device to an idle
    device, the device's own between two events in its queue, gaps included. The wall clock decides
    when to stop.

    Looking at the interval after every call makes it a little too narrow: it is a rule for
    stopping, and no test.

    Args:
        call: what to time; everything that is not to be timed is done before.
        device: where it computes, in torch's words.
        now: the wall clock, in nanoseconds.
    """
    wait = _waiting(device)
    _warm_up(call, wait, limits, now)
    wall: list[float] = []
    on_device: list[float] = []
    start = now()
    while True:
        events = _events(device)
        wait()
        before = now()
        if events:
            events[0].record(torch.cuda.current_stream(device))
        call()
        if events:
            events[1].record(torch.cuda.current_stream(device))
        wait()
        after = now()
        insort(wall, (after - before) / 1e6)
        if events:
            insort(on_device, events[0].elapsed_time(events[1]))
        if reason := _reason_to_stop(wall, (after - start) / 1e9, limits):
            timed = [Timed(WALL, tuple(wall), reason)]
            return [*timed, Timed(DEVICE, tuple(on_device), reason)] if on_device else timed


def median_interval(calls: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median of ascending values, free of any distribution.

    The order statistics x₍ₖ₎ and x₍ₙ₊₁₋ₖ₎ with the largest k for which P(B < k) ≤ 2.5 %, where B is
    binomial with n trials of chance ½ (Conover 1999, section 3.2). NaN below `INTERVAL_FROM`.

    >>> median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (1.0, 6.0)
    """
    rank = _rank(len(calls))
    return (calls[rank - 1], calls[-rank]) if rank else (math.nan, math.nan)


@cache
def _rank(count: int) -> int:
    """The largest k for which P(B < k) ≤ 1/40; 0 where there is none."""
    below, ways = 0, 1
    for k in range(count + 1):
        below += ways  # of 2ⁿ equally likely outcomes, those with at most k successes
        if 40 * below > 2**count:
            return k
        ways = ways * (count - k) // (k + 1)
    return count


def _warm_up(
    call: Callable[[], object], wait: Callable[[], None], limits: Limits, now: Callable[[], int]
) -> None:
    call()
    wait()
    start = now()
    for _ in range(limits.warm_up):
        if now() - start >= limits.seconds / 5 * 1e9:
            return
        call()
        wait()


def _reason_to_stop(wall: list[float], seconds: float, limits: Limits) -> str | None:
    if len(wall) >= limits.fewest and _is_precise(wall, limits.within):
        return f"median within {100 * limits.within:g} %"
    if len(wall) >= limits.calls:
        return f"{limits.calls} calls"
    for_interval = seconds * INTERVAL_FROM / len(wall)
    if len(wall) < INTERVAL_FROM and for_interval <= PATIENCE * limits.seconds:
        return None
    return f"{limits.seconds:g} s" if seconds >= limits.seconds else None


def _is_precise(calls: list[float], within: float) -> bool:
    lower, upper = median_interval(calls)
    median = float(np.median(calls))
    return max(upper - median, median - lower) <= within * median


def _waiting(device: str) -> Callable[[], None]:
    """What waits until the device has nothing left to do."""
    if torch.device(device).type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def _events(device: str) -> tuple[torch.cuda.Event, torch.cuda.Event] | None:
    if torch.device(device).type != "cuda":
        return None
    with torch.cuda.device(device):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    return first, last
