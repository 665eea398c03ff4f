"""The stopwatch, with a clock of the test's own and with a method whose duration is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from statistics import median

import pytest
import torch
from scipy import stats

from benchmarks.latency.stopwatch import (
    PRECISION,
    ROUNDS,
    Limits,
    Stopwatch,
    added,
    is_precise,
    median_interval,
)

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class FakeClock:
    """Shows nanoseconds; calling `work` lets the next duration pass."""

    def __init__(self) -> None:
        self.time = 0

    def work(self, milliseconds: Iterator[float]) -> None:
        self.time += round(next(milliseconds) * 1e6)

    def stopwatch(self, milliseconds: Iterator[float], limits: Limits) -> Stopwatch:
        return Stopwatch(lambda: self.work(milliseconds), limits, now=lambda: self.time)


def timed(milliseconds: Iterator[float], limits: Limits) -> Stopwatch:
    stopwatch = FakeClock().stopwatch(milliseconds, limits)
    for number in range(ROUNDS[-1]):
        stopwatch.time_round(number)
    return stopwatch


@pytest.mark.parametrize(
    ("ms", "limits", "rounds", "calls"),
    [
        pytest.param(2.0, Limits(seconds=1.8), ROUNDS[-1], 50, id="seconds are split over rounds"),
        pytest.param(0.5, Limits(seconds=100, calls=7), ROUNDS[-1], 7, id="calls are limited"),
        pytest.param(1000.0, Limits(seconds=0.7), ROUNDS[-1], 1, id="slow ones: once a round"),
        pytest.param(6000.0, Limits(seconds=1), 5, 1, id="as many as there is patience for"),
        pytest.param(100_000.0, Limits(seconds=1), 1, 1, id="at least one"),
    ],
)
def test_limits(ms: float, limits: Limits, rounds: int, calls: int) -> None:
    stopwatch = timed(repeat(ms), limits)
    assert stopwatch.medians == dict.fromkeys(range(rounds), ms)
    assert stopwatch.spent == ms * calls * rounds
    assert stopwatch.is_over == (rounds < ROUNDS[-1])


def test_median_is_precise_if_its_interval_is_narrow() -> None:
    def rounds(width: float) -> list[float]:
        return [10.0] * 5 + [10 - 10 * width] * 2 + [10 + 10 * width] * 2

    assert is_precise(rounds(0.99 * PRECISION))
    assert not is_precise(rounds(1.01 * PRECISION))
    assert not is_precise([10.0] * 5)  # too few to say


def test_what_slows_the_machine_down_slows_all_alike() -> None:
    """From the tenth second on, the machine takes twice as long."""
    clock, seconds, alone = FakeClock(), 18.0, []
    slowing = (1.0 if clock.time < 10e9 else 2.0 for _ in repeat(None))
    turns = [clock.stopwatch(slowing, Limits(seconds, calls=1000)) for _ in range(2)]
    for number in range(ROUNDS[0]):
        for stopwatch in turns[:: (-1) ** number]:
            stopwatch.time_round(number)
    first, second = (stopwatch.medians for stopwatch in turns)
    assert median([*second.values()]) == median([*first.values()])
    assert median_interval([*first.values()]) == (1.0, 2.0)  # they say so
    clock.time = 0
    for _ in range(2):  # one after the other, it would seem that one is twice as fast
        one = clock.stopwatch(slowing, Limits(seconds, calls=1000))
        for number in range(ROUNDS[0]):
            one.time_round(number)
        alone.append(median([*one.medians.values()]))
    assert alone == [1.0, 2.0]


def test_what_a_call_raises_is_kept_and_it_is_not_made_again() -> None:
    calls = []

    def fail() -> None:
        calls.append(None)
        raise MemoryError("too large")

    stopwatch = Stopwatch(fail, Limits(seconds=1))
    for number in range(ROUNDS[0]):
        stopwatch.time_round(number)
    assert isinstance(stopwatch.failure, MemoryError)
    assert len(calls) == 1


def test_parts_are_added_round_by_round() -> None:
    base, own = (Stopwatch(lambda: None, Limits(seconds=1)) for _ in range(2))
    base.medians |= {0: 10.0, 4: 11.0, 8: 30.0}
    own.medians |= {0: 1.0, 8: 4.0}
    assert added([base, own]) == [11.0, 34.0]
    assert added([base]) == [10.0, 11.0, 30.0]


@pytest.mark.parametrize("count", [6, 7, *ROUNDS, 101, 1000])
def test_interval_of_the_median_is_the_binomials(count: int) -> None:
    lower, upper = median_interval(range(1, count + 1))
    assert upper == count + 1 - lower
    assert stats.binom.cdf(lower - 1, count, 0.5) <= 0.025 < stats.binom.cdf(lower, count, 0.5)


def test_known_sleep_is_measured() -> None:
    stopwatch = Stopwatch(lambda: time.sleep(0.02), Limits(seconds=0.4))
    for number in range(ROUNDS[0]):
        stopwatch.time_round(number)
    assert 20 <= min(stopwatch.medians.values()) < 30


@pytest.mark.cuda
@needs_cuda
def test_clock_waits_for_the_device() -> None:
    matrix = torch.rand(4096, 4096, device="cuda")
    work: Callable[[], object] = lambda: [matrix @ matrix for _ in range(20)]  # noqa: E731
    work()
    stopwatch = Stopwatch(work, Limits(seconds=1), device="cuda")
    stopwatch.time_round(0)
    assert stopwatch.medians[0] > 5
