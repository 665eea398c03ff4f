"""What the page says of quality against latency, beside its charts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Names, Variant
from benchmarks.report.numbers.cost import front_finding


class Cost(NamedTuple):
    """What is said of one size of batches.

    Attributes:
        batch: how many images a batch holds.
        machine: on which it was timed.
        times: the median latency of each method's largest size.
        finding: the methods that reach the Pareto front of the first measure.
    """

    batch: str
    machine: str
    times: str
    finding: str


def costs(sizes: pd.DataFrame, names: Names) -> Iterator[Cost]:
    """For each size of batches; nothing where nothing was timed.

    Args:
        sizes: quality against latency, as `points` gives it.
    """
    for size, rows in sizes.groupby("batch_size"):
        yield Cost(
            "Single images" if size == 1 else f"Batches of {size:,.0f} images",
            _machine(rows.iloc[0]),
            _times(rows, names),
            front_finding(rows, names),
        )


def latency(milliseconds: float) -> str:
    """Three digits, and never an exponent.

    >>> latency(0.012346), latency(118.4), latency(12345.6)
    ('0.0123 ms', '118 ms', '12,300 ms')
    """
    return f"{float(f'{milliseconds:.3g}'):,.12g} ms"


def _machine(row: pd.Series) -> str:
    return f"{row['device_name']}, engine {row['engine']}, threads {row['threads']:g}"


def _times(rows: pd.DataFrame, names: Names) -> str:
    pairs = rows[["method", "members", "p50_ms"]].drop_duplicates(["method", "members"])
    medians = {Variant(*variant): ms for *variant, ms in pairs.itertuples(index=False)}
    largest = {variant.method: variant for variant in sorted(medians, key=names.rank)}
    return ", ".join(f"{latency(medians[v])} ({names.label(v)})" for v in largest.values())
