"""The timings that may be compared, those of one machine, number of threads and engine; and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.schema import where
from benchmarks.vocabulary import SELF_TRAINED

MEDIAN = ["p50_ms", "p50_lower_ms", "p50_upper_ms"]
"""The columns of a median and its interval."""

TIED_BELOW = 1.2
"""The ratio of two medians from which on they differ: smaller ones come and go between runs."""


class Setup(NamedTuple):
    """What timings have in common that may be compared."""

    device: str
    device_name: str
    threads: float
    engine: str

    @property
    def label(self) -> str:
        """For example ``AMD EPYC, 2 cores (1 thread, kernels)``; cards may be of one name.

        >>> [Setup(device, "A Card", 8, "torch").label for device in ("cuda:0", "cuda:1")]
        ['A Card', 'A Card (cuda:1)']
        """
        if self.device != "cpu":
            first = self.device in ("cuda", "cuda:0")
            return self.device_name if first else f"{self.device_name} ({self.device})"
        threads = f"{self.threads:.0f} thread" + ("s" if self.threads > 1 else "")
        computed = {"numba": ", kernels", "torch": ", PyTorch"}.get(self.engine, "")
        return f"{self.device_name} ({threads}{computed})"


def timed(latency: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a wall-clock time."""
    return where(latency, status="ok", clock="wall")


def in_setup(latency: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """The rows of a setup, and those of methods that compute for themselves."""
    device, device_name, threads, engine = setup
    here = latency[latency["engine"].isin([engine, SELF_TRAINED])]
    return where(here, device=device, device_name=device_name, threads=threads)


def main_setup(latency: pd.DataFrame) -> Setup | None:
    """The setup that sizes are compared in: of those in which most were timed, first a GPU."""
    if latency.empty:
        return None
    rows = timed(latency)[[*Setup._fields, "method", "members"]].drop_duplicates()
    by_engines = rows[rows["engine"] != SELF_TRAINED]
    rows = rows if by_engines.empty else by_engines
    counted = Counter(Setup(*key) for key in rows[list(Setup._fields)].itertuples(index=False))
    most = max(counted.values(), default=0)
    common = [setup for setup, count in counted.items() if count == most]
    return min(common, key=lambda setup: setup.device == "cpu", default=None)


def batch_sizes(latency: pd.DataFrame) -> tuple[int, ...]:
    """The smallest and the largest number of images in one call."""
    sizes = sorted({int(size) for size in timed(latency)["batch_size"]})
    return tuple(dict.fromkeys([*sizes[:1], *sizes[-1:]]))


def milliseconds(
    latency: pd.DataFrame, setup: Setup, variant: Variant, batch_size: int
) -> pd.Series | None:
    """The row of a variant in a setup, if it was timed there."""
    method, members, _ = variant  # whose budget does not matter
    rows = where(in_setup(timed(latency), setup), method=method, members=members)
    rows = where(rows, batch_size=batch_size)
    return None if rows.empty else rows.iloc[0]


def tied(first: Mapping[Any, Any] | pd.Series, second: Mapping[Any, Any] | pd.Series) -> bool:
    """Whether two rows of a setup do not tell which is faster.

    Their medians differ by less than `TIED_BELOW`, or their intervals overlap.

    >>> quick, alike, slow = (
    ...     {"p50_ms": ms, "p50_lower_ms": 0.9 * ms, "p50_upper_ms": 1.1 * ms} for ms in (1, 1.1, 2)
    ... )
    >>> tied(quick, alike), tied(quick, slow)
    (True, False)
    """
    fast, slow = sorted((first, second), key=lambda row: float(row["p50_ms"]))
    differ = slow["p50_ms"] >= TIED_BELOW * fast["p50_ms"]
    return not differ or bool(slow["p50_lower_ms"] <= fast["p50_upper_ms"])


def on_front(rows: pd.DataFrame, losses: Iterable[float]) -> list[bool]:
    """Of each row of a setup, whether no other is faster without a larger loss; ties are not."""
    timings = list(zip(rows.to_dict("records"), losses, strict=True))
    return [
        not any(
            other_loss <= loss and other["p50_ms"] < row["p50_ms"] and not tied(other, row)
            for other, other_loss in timings
        )
        for row, loss in timings
    ]
