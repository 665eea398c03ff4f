"""Which timings tie, and what is on the front of quality and time."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks.report.timings import on_front, tied


def row(ms: float, half_width: float = 0.02) -> dict[str, float]:
    low, high = (1 - half_width) * ms, (1 + half_width) * ms
    return {"p50_ms": ms, "p50_lower_ms": low, "p50_upper_ms": high}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (row(1.0), row(1.0), True),
        (row(1.0), row(1.19), True),
        (row(1.0), row(1.21), False),
        (row(1.0, 0.3), row(1.5, 0.3), True),  # their intervals overlap
        (row(1.0, 0.3), row(2.0, 0.3), False),
        (row(1.0, math.nan), row(1.19), True),
        (row(1.0, math.nan), row(1.3), False),  # too slow for an interval
    ],
)
def test_small_differences_and_overlapping_intervals_are_ties(
    first: dict[str, float], second: dict[str, float], expected: bool
) -> None:
    assert tied(first, second) == tied(second, first) == expected


def test_softmax_and_one_division_are_both_on_the_front() -> None:
    """Whichever seems to be faster, and whichever is better by a hair."""
    random = np.random.default_rng(0)
    for _ in range(100):
        softmax, divided, ensemble = random.uniform(0.9, 1.05), random.uniform(0.9, 1.05), 5.0
        rows = pd.DataFrame([row(softmax), row(divided), row(ensemble)])
        losses = [*random.choice([0.08, 0.080001, 0.081], 2), 0.06]
        assert on_front(rows, losses) == [True, True, True]


def test_what_is_slower_and_no_better_is_not_on_the_front() -> None:
    rows = pd.DataFrame([row(1.0), row(1.5), row(1.5), row(3.0)])
    assert on_front(rows, [0.5, 0.5, 0.4, 0.45]) == [True, False, True, False]
