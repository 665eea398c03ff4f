"""How the CPU time of measuring, and of the rule, grows with the contestants."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.api import score_predictions

IMAGES, CLASSES = 2000, 10

MOST = 2.5
"""The largest ratio of the times of 40 and of 20 contestants."""


def seconds_of(contestants: int) -> float:
    """CPU seconds that contestants take which differ by a little noise."""
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=IMAGES)

    def predictions(known: np.ndarray) -> dict[str, np.ndarray]:
        noise = random.standard_normal((contestants, IMAGES, CLASSES))
        weights = np.exp(2 * np.eye(CLASSES)[known] + noise)
        shares = weights / weights.sum(axis=2, keepdims=True)
        return {f"method_{number}": own for number, own in enumerate(shares)}

    clean, foreign = predictions(labels), predictions(random.integers(CLASSES, size=IMAGES))
    begun = time.process_time()
    score_predictions(clean, labels, ood={"noise": foreign})
    return time.process_time() - begun


def test_twice_the_contestants_take_hardly_more_than_twice_the_time() -> None:
    seconds_of(2)  # compiles what is compiled
    fewer, more = seconds_of(20), seconds_of(40)
    print(f"20 contestants {fewer:.1f} s, 40 {more:.1f} s")
    assert more < MOST * fewer
