"""The stopwatch, with a clock of the test's own and with a method whose duration is known."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks.latency.stopwatch import Limits, Timed, median_interval, stopwatch

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class FakeClock:
    """Shows nanoseconds; calling `work` lets the next duration pass."""

    def __init__(self, milliseconds: Iterator[float]) -> None:
        self._milliseconds = milliseconds
        self.time = 0
        self.calls = 0

    def work(self) -> None:
        self.calls += 1
        self.time += round(next(self._milliseconds) * 1e6)

    def now(self) -> int:
        return self.time


def timed(milliseconds: Iterator[float], limits: Limits) -> tuple[Timed, FakeClock]:
    clock = FakeClock(milliseconds)
    (result,) = stopwatch(clock.work, limits, now=clock.now)
    return result, clock


def test_equal_calls_stop_as_soon_as_the_tails_are_known() -> None:
    timing, clock = timed(repeat(2.0), Limits(seconds=10))
    assert timing.stopped_because == "median within 2 %"
    assert timing.calls == (2.0,) * 300
    assert clock.calls == 1 + 10 + 300
    assert (timing.median, timing.interval) == (2.0, (2.0, 2.0))
    assert (timing.percentile(90), timing.percentile(99)) == (2.0, 2.0)


def test_calls_that_scatter_go_on_until_the_median_is_within_two_percent() -> None:
    scattered = map(float, np.random.default_rng(0).uniform(0.8, 1.2, 100_000))
    timing, _ = timed(scattered, Limits(seconds=10))
    lower, upper = timing.interval
    assert timing.stopped_because == "median within 2 %"
    assert len(timing.calls) > 300
    assert 0.98 * timing.median <= lower <= upper <= 1.02 * timing.median
    earlier = Timed("wall", timing.calls, "")
    assert earlier.median == pytest.approx(1.0, abs=0.03)


def test_slow_calls_end_at_the_limit_of_seconds_without_percentiles() -> None:
    timing, _ = timed(repeat(100.0), Limits(seconds=1.5))
    assert (timing.stopped_because, len(timing.calls)) == ("1.5 s", 15)
    assert math.isnan(timing.percentile(90))
    assert math.isnan(timing.percentile(99))


def test_slow_calls_go_on_until_the_median_has_an_interval() -> None:
    timing, _ = timed(repeat(1900.0), Limits(seconds=1.5))
    assert timing.calls == 6 * (1900.0,)
    assert timing.interval == (1900.0, 1900.0)


def test_slowest_calls_are_made_thrice_twice_to_warm_up() -> None:
    timing, clock = timed(repeat(60_000.0), Limits(seconds=1))
    assert timing.calls == (60_000.0,)
    assert clock.calls == 3
    assert all(map(math.isnan, timing.interval))


@pytest.mark.parametrize(("calls", "known"), [(29, False), (30, True), (299, True), (300, True)])
def test_percentiles_are_known_only_where_calls_support_them(calls: int, known: bool) -> None:
    timing = Timed("wall", tuple(map(float, range(calls))), "")
    assert math.isnan(timing.percentile(90)) is not known
    assert math.isnan(timing.percentile(99)) is (calls < 300)


@pytest.mark.parametrize("count", [6, 7, 20, 101, 1000, 3000])
def test_interval_of_the_median_is_the_binomials(count: int) -> None:
    lower, upper = median_interval(range(1, count + 1))
    assert upper == count + 1 - lower
    assert stats.binom.cdf(lower - 1, count, 0.5) <= 0.025 < stats.binom.cdf(lower, count, 0.5)


def test_known_sleep_is_measured() -> None:
    (timing,) = stopwatch(lambda: time.sleep(0.02), Limits(seconds=0.4))
    assert timing.clock == "wall"
    assert 20 <= timing.calls[0] <= timing.median < 30


@pytest.mark.cuda
@needs_cuda
def test_both_clocks_wait_for_the_device() -> None:
    matrix = torch.rand(4096, 4096, device="cuda")
    work: Callable[[], object] = lambda: [matrix @ matrix for _ in range(20)]  # noqa: E731
    wall, device = stopwatch(work, Limits(seconds=1), device="cuda")
    assert (wall.clock, device.clock) == ("wall", "device")
    assert device.median <= wall.median
    assert device.median > 5
