"""The timings that may be compared, those of one machine, number of threads and engine; and how."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from benchmarks.schema import where
from benchmarks.vocabulary import SELF_TRAINED

MEDIAN = ["p50_ms", "p50_lower_ms", "p50_upper_ms"]
"""The columns of a median and its interval."""


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
    latency: pd.DataFrame, setup: Setup, variant: Contestant, batch_size: int
) -> pd.Series | None:
    """The row of a variant in a setup, if it was timed there."""
    rows = where(in_setup(timed(latency), setup), method=variant.method, members=variant.members)
    rows = where(rows, batch_size=batch_size)  # whatever its budget is
    return None if rows.empty else rows.iloc[0]


def single_image(results: Results, choice: Contestant) -> pd.Series | None:
    """The timing of a single image in the setup that methods are compared in.

    That of a further score has the time of its network in it.
    """
    setup, scores = main_setup(results.latency), results.score_latency
    if setup is None or not choice.score:
        return setup and milliseconds(results.latency, setup, choice, 1)
    if scores.empty:
        return None
    rows = where(in_setup(scores, setup), score=choice.score, batch_size=1, status="ok")
    return None if rows.empty else rows.iloc[0]
