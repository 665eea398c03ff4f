"""Stopwatches that take turns, so that what disturbs a machine for a while disturbs all alike.

Each times a few calls in each of several rounds. Between rounds, times differ by more than between
the calls of one: so the median of a round is one observation, and the rounds give the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median
from time import perf_counter_ns

import torch

ROUNDS = range(9, 19)
"""How many rounds there may be: from 9 on the interval leaves out the fastest and the slowest."""

PRECISION = 0.05
"""Half the width of an interval, as a share of the median, at which no more rounds are needed."""

PATIENCE = 30
"""So many times the limit of seconds may be used up by calls that are so slow."""


@dataclass(frozen=True)
class Limits:
    """When enough has been timed.

    Attributes:
        seconds: what the calls may take in all rounds together. There is one a round at least,
            until another would take more than `PATIENCE` times the seconds.
        calls: of a round at most.
        rounds: at most.
    """

    seconds: float
    calls: int = 300
    rounds: int = ROUNDS[-1]


@dataclass(eq=False)
class Stopwatch:
    """Times single calls, a few each time it is this one's turn; each until the device is idle.

    Args:
        call: what to time; everything that is not to be timed is done before, and a first call
            made, which prepares what later ones need.
        limits: how long.
        device: where it computes, in torch's words.
        now: the clock, in nanoseconds.

    Attributes:
        medians: milliseconds of the calls of each round, by its number.
        spent: milliseconds of all calls.
        failure: what a call has raised; it is not made again then.
    """

    call: Callable[[], object]
    limits: Limits
    device: str = "cpu"
    now: Callable[[], int] = perf_counter_ns
    medians: dict[int, float] = field(default_factory=dict)
    spent: float = 0.0
    failure: BaseException | None = None

    def time_round(self, number: int) -> None:
        """Time calls for this one's share of a round."""
        share, calls = 1000 * self.limits.seconds / ROUNDS[-1], list[float]()
        if self.is_over:
            return
        try:
            while sum(calls) < share and len(calls) < self.limits.calls:
                calls.append(self._milliseconds())
        except KeyboardInterrupt:
            raise
        # Whatever a method raises is its own failure.
        except BaseException as error:
            self.failure = error
        else:
            self.medians[number] = median(calls)
            self.spent += sum(calls)

    @property
    def is_over(self) -> bool:
        """Whether a call has failed, or one more would take too long."""
        one_more = min(self.medians.values(), default=0.0)
        return bool(self.failure) or self.spent + one_more > 1000 * PATIENCE * self.limits.seconds

    def _milliseconds(self) -> float:
        self._wait()
        before = self.now()
        self.call()
        self._wait()
        return (self.now() - before) / 1e6

    def _wait(self) -> None:
        """Until the device has nothing left to do."""
        if torch.device(self.device).type == "cuda":
            torch.cuda.synchronize(self.device)


def added(parts: Sequence[Stopwatch]) -> list[float]:
    """The milliseconds of parts that follow one another but are timed apart, of common rounds."""
    first, *others = (part.medians for part in parts)
    return [
        ms + sum(other[number] for other in others)
        for number, ms in first.items()
        if all(number in other for other in others)
    ]


def is_precise(rounds: Sequence[float]) -> bool:
    """Whether the median of the rounds is known to `PRECISION`."""
    lower, upper = median_interval(rounds)
    return (upper - lower) / 2 <= PRECISION * median(rounds)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median of values, free of any distribution.

    The order statistics x₍ₖ₎ and x₍ₙ₊₁₋ₖ₎ with the largest k for which P(B < k) ≤ 2.5 %, where B is
    binomial with n trials of chance ½ (Conover 1999, section 3.2): of nine the second and the last
    but one, which cover 96.1 %. NaN below six.

    >>> median_interval([2.0, 1.0, 3.0, 4.0, 6.0, 5.0])
    (1.0, 6.0)
    """
    ascending, count = sorted(values), len(values)
    below = accumulate(math.comb(count, successes) for successes in range(count))
    rank = sum(40 * ways <= 2**count for ways in below)  # of 2ⁿ equally likely outcomes
    return (ascending[rank - 1], ascending[-rank]) if rank else (math.nan, math.nan)
