"""The timings that may be compared: those of one machine and number of threads, by one engine."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.schema import where

MEDIAN = ["p50_ms", "p50_lower_ms", "p50_upper_ms"]
"""The columns of a median and its interval."""

PYTORCH, KERNELS = "torch", "numba"
ENGINES = {PYTORCH: "PyTorch", KERNELS: "Kernels"}
"""What computes, the headline's first, and how it is called."""

NOT_TIMED = "not timed"


class Setup(NamedTuple):
    """What timings by an engine have in common that may be compared."""

    device: str
    device_name: str
    threads: int

    @property
    def label(self) -> str:
        """For example ``AMD EPYC, 2 cores (1 thread)``; cards may be of one name.

        >>> [Setup(device, "A Card", 8).label for device in ("cuda:0", "cuda:1")]
        ['A Card', 'A Card (cuda:1)']
        """
        if self.device != "cpu":
            first = self.device in ("cuda", "cuda:0")
            return self.device_name if first else f"{self.device_name} ({self.device})"
        return f"{self.device_name} ({self.threads} thread{'s' if self.threads > 1 else ''})"


def timed(latency: pd.DataFrame, setup: Setup | None, engine: str = PYTORCH) -> pd.DataFrame:
    """The rows of a setup and an engine that have a time; none of no setup."""
    if setup is None:
        return latency.iloc[:0]
    return where(latency, status="ok", engine=engine, **setup._asdict())


def main_setup(latency: pd.DataFrame) -> Setup | None:
    """The setup that sizes are compared in: where PyTorch was timed with most, first a GPU."""
    if latency.empty:
        return None
    rows = where(latency, status="ok", engine=PYTORCH)
    rows = rows[[*Setup._fields, "method", "members"]].drop_duplicates()
    counted = Counter(Setup(*key) for key in rows[list(Setup._fields)].itertuples(index=False))
    most = max(counted.values(), default=0)
    common = [setup for setup, count in counted.items() if count == most]
    return min(common, key=lambda setup: setup.device == "cpu", default=None)


def engines(latency: pd.DataFrame, setup: Setup | None) -> list[str]:
    """By which engines something was timed in a setup."""
    return [engine for engine in ENGINES if len(timed(latency, setup, engine))]


def ends(latency: pd.DataFrame) -> list[int]:
    """The smallest and the largest number of images in one call."""
    sizes = sorted({int(size) for size in latency["batch_size"]})
    return list(dict.fromkeys([*sizes[:1], *sizes[-1:]]))


def row_of(rows: pd.DataFrame, choice: Contestant, batch_size: int) -> pd.Series | None:
    """The row of a contestant, whatever its budget is; that of a score has its network's time."""
    own = {"method": choice.method, "members": choice.members, "score": choice.score}
    rows = where(rows, **own, batch_size=batch_size)
    return None if rows.empty else rows.iloc[0]


def remark(latency: pd.DataFrame, what: str = "a call") -> str:
    """Where and by what the times were taken that tables show."""
    setup = main_setup(latency)
    beside = "; beside it, by the kernels" if KERNELS in engines(latency, setup) else ""
    return f"ms: the median time of {what} by PyTorch on {setup.label}{beside}." if setup else ""
