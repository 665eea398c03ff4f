"""The stopwatch, with a clock of the test's own and with a method whose duration is known."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest
import torch
from scipy import stats

from benchmarks.latency.stopwatch import (
    ROUNDS,
    Limits,
    Stopwatch,
    Timed,
    median_interval,
    total,
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


def timed(milliseconds: Iterator[float], limits: Limits) -> Timed:
    stopwatch = FakeClock().stopwatch(milliseconds, limits)
    for number in range(ROUNDS):
        stopwatch.time_round(number)
    (wall,) = stopwatch.timed
    return wall


def test_seconds_are_split_over_rounds() -> None:
    timing = timed(repeat(2.0), Limits(seconds=0.9))
    assert timing.rounds == {number: [2.0] * 50 for number in range(9)}
    assert timing.stopped_because == "9 rounds"
    assert (timing.median, timing.interval) == (2.0, (2.0, 2.0))
    assert (timing.percentile(90), timing.percentile(99)) == (2.0, 2.0)


def test_calls_of_a_round_are_limited() -> None:
    timing = timed(repeat(0.001), Limits(seconds=100, calls=7))
    assert [len(calls) for calls in timing.rounds.values()] == [7] * 9


def test_rounds_count_once_however_many_calls_they_have() -> None:
    lengths = [1, 3, 3, 3, 3, 3, 3, 3, 3]
    timing = Timed("wall", {n: [float(n)] * 10 ** (n % 2) * k for n, k in enumerate(lengths)})
    assert timing.median == 4
    assert timing.interval == (1, 7)  # without the fastest and the slowest
    assert len(timing.calls) == 1 + 3 * (4 * 10 + 4)


def test_slow_calls_are_made_once_a_round() -> None:
    timing = timed(repeat(1000.0), Limits(seconds=0.5))
    assert timing.rounds == {number: [1000.0] for number in range(9)}
    assert math.isnan(timing.percentile(90))
    assert math.isnan(timing.percentile(99))


def test_slowest_calls_have_fewer_rounds_that_are_spread_evenly() -> None:
    timing = timed(repeat(6000.0), Limits(seconds=1))
    assert [*timing.rounds] == [0, 2, 4, 6, 8]
    assert timing.stopped_because == "5 of 9 rounds: a call takes 6 s"
    assert all(map(math.isnan, timing.interval))
    assert [*timed(repeat(100_000.0), Limits(seconds=1)).rounds] == [0]


def test_what_slows_the_machine_down_slows_all_alike() -> None:
    """From the tenth second on, the machine takes twice as long."""
    clock, seconds, alone = FakeClock(), 9.0, []
    slowing = (1.0 if clock.time < 10e9 else 2.0 for _ in repeat(None))
    turns = [clock.stopwatch(slowing, Limits(seconds, calls=1000)) for _ in range(2)]
    for number in range(ROUNDS):
        for stopwatch in turns[:: (-1) ** number]:
            stopwatch.time_round(number)
    first, second = (stopwatch.timed[0] for stopwatch in turns)
    assert second.median == first.median
    assert first.interval == (1.0, 2.0)  # they say so
    clock.time = 0
    for _ in range(2):  # one after the other, it would seem that one is twice as fast
        one = clock.stopwatch(slowing, Limits(seconds, calls=1000))
        for number in range(ROUNDS):
            one.time_round(number)
        alone.append(one.timed[0].median)
    assert alone == [1.0, 2.0]


def test_what_a_call_raises_is_kept_and_it_is_not_made_again() -> None:
    calls = []

    def fail() -> None:
        calls.append(None)
        raise MemoryError("too large")

    stopwatch = Stopwatch(fail, Limits(seconds=1))
    for number in range(ROUNDS):
        stopwatch.time_round(number)
    assert isinstance(stopwatch.failure, MemoryError)
    assert len(calls) == 1


def test_parts_are_added_round_by_round() -> None:
    base = Timed("wall", {0: [10.0, 12.0, 20.0], 4: [11.0], 8: [30.0]})
    own = Timed("wall", {0: [1.0, 2.0, 2.5], 8: [4.0]})
    both = total([own, base])
    assert both.rounds == {0: [12.0, 14.0, 22.0], 8: [34.0]}
    assert both.medians == {n: base.medians[n] + own.medians[n] for n in (0, 8)}
    assert total([base]) == base


@pytest.mark.parametrize(("calls", "known"), [(29, False), (30, True), (299, True), (300, True)])
def test_percentiles_are_known_only_where_calls_support_them(calls: int, known: bool) -> None:
    timing = Timed("wall", {0: [*map(float, range(calls))]})
    assert math.isnan(timing.percentile(90)) is not known
    assert math.isnan(timing.percentile(99)) is (calls < 300)


@pytest.mark.parametrize("count", [6, 7, ROUNDS, 20, 101, 1000])
def test_interval_of_the_median_is_the_binomials(count: int) -> None:
    lower, upper = median_interval(range(1, count + 1))
    assert upper == count + 1 - lower
    assert stats.binom.cdf(lower - 1, count, 0.5) <= 0.025 < stats.binom.cdf(lower, count, 0.5)


def test_known_sleep_is_measured() -> None:
    stopwatch = Stopwatch(lambda: time.sleep(0.02), Limits(seconds=0.4))
    for number in range(ROUNDS):
        stopwatch.time_round(number)
    (timing,) = stopwatch.timed
    assert timing.clock == "wall"
    assert 20 <= min(timing.calls) <= timing.median < 30


@pytest.mark.cuda
@needs_cuda
def test_both_clocks_wait_for_the_device() -> None:
    matrix = torch.rand(4096, 4096, device="cuda")
    work: Callable[[], object] = lambda: [matrix @ matrix for _ in range(20)]  # noqa: E731
    work()
    stopwatch = Stopwatch(work, Limits(seconds=1), device="cuda")
    for number in range(ROUNDS):
        stopwatch.time_round(number)
    wall, device = stopwatch.timed
    assert (wall.clock, device.clock) == ("wall", "device")
    assert device.median <= wall.median
    assert device.median > 5
