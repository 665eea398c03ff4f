"""Calls in parallel, on workers that joblib replaces."""

from __future__ import annotations

import os
import time
from functools import cache

import numpy as np
import pytest

from benchmarks.parallel import parallel

GROWN = 350_000_000
"""Bytes; joblib replaces a worker that has grown by 300 million after its first call."""


@cache
def grow() -> np.ndarray:
    """Memory that the process keeps; it is written to, so that it is really taken."""
    return np.ones(GROWN, dtype=np.uint8)


def slow_work_of_a_growing_process(number: int) -> int:
    time.sleep(1.1)  # joblib looks at a worker's memory once a second
    if number >= 2:
        grow()
    return os.getpid()


def test_workers_that_grow_are_replaced_also_where_warnings_are_errors() -> None:
    pytest.importorskip("psutil")
    processes = parallel(
        slow_work_of_a_growing_process, range(10), stage="test", what="calls", jobs=2
    )
    assert len(processes) == 10
    assert len(set(processes)) > 2
