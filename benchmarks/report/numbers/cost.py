"""Quality against cost: the value of each size of a method, and the time that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Names, Variant
from benchmarks.report.editorial import COST_METRICS, DETECTION
from benchmarks.report.numbers.replicates import shown_bounds
from benchmarks.report.read.comparisons import Quantity, Record
from benchmarks.report.results import Results
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

COLUMNS = [
    *("metric", "condition", "method", "members", "value", "lower", "upper"),
    *("batch_size", "p50_ms", "pareto", "device_name", "threads", "engine"),
]


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


def of_setup(latency: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """The rows of a setup, and those of custom methods, which no engine of the suite computes."""
    device, device_name, threads, engine = setup
    here = latency[latency["engine"].isin([engine, SELF_TRAINED])]
    return where(here, device=device, device_name=device_name, threads=threads)


def main_setup(latency: pd.DataFrame) -> Setup | None:
    """The setup that sizes are compared in: of those in which most were timed, first a GPU."""
    if latency.empty:
        return None
    rows = timed(latency)[[*Setup._fields, "method", "members"]].drop_duplicates()
    counted = Counter(Setup(*key) for key in rows[list(Setup._fields)].itertuples(index=False))
    most = max(counted.values(), default=0)
    common = [setup for setup, count in counted.items() if count == most]
    return min(common, key=lambda setup: setup.device == "cpu", default=None)


def batch_sizes(latency: pd.DataFrame) -> tuple[int, ...]:
    """The smallest and the largest number of images in one call."""
    sizes = sorted({int(size) for size in timed(latency)["batch_size"]})
    return tuple(dict.fromkeys([*sizes[:1], *sizes[-1:]]))


def drawn(results: Results) -> list[Quantity]:
    """The quantities drawn against cost: NLL and ECE on clean images, and one AUROC."""
    return [
        *(Quantity(CLEAN, metric) for metric in COST_METRICS),
        *(Quantity(condition, DETECTION) for condition in results.ood[:1]),
    ]


def points(results: Results) -> pd.DataFrame:
    """A row for each measure, size and batch size that has both a value and a time.

    The mean of a few replicates has no interval.
    """
    latency = results.latency
    setup = main_setup(latency)
    if setup is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for quantity in drawn(results):
        for batch_size in batch_sizes(latency):
            rows += list(_points(results, quantity, setup, batch_size))
    return pd.DataFrame(rows, columns=COLUMNS)


def milliseconds(
    latency: pd.DataFrame, setup: Setup, variant: Variant, batch_size: int
) -> pd.Series | None:
    """The row of a variant in a setup, if it was timed there."""
    rows = where(of_setup(timed(latency), setup), **variant._asdict(), batch_size=batch_size)
    return None if rows.empty else rows.iloc[0]


def _points(
    results: Results, quantity: Quantity, setup: Setup, batch_size: int
) -> Iterator[dict[str, object]]:
    joined: list[tuple[Variant, Record, float]] = []
    for variant in results.variants:
        if variant.members == "1" and results.names.method(variant.method).counts_networks:
            continue  # an ensemble of one is a single network, which has its own row
        quality = results.find(variant, quantity)
        cost = milliseconds(results.latency, setup, variant, batch_size)
        if quality is not None and pd.notna(quality["value"]) and cost is not None:
            joined.append((variant, quality, float(cost["p50_ms"])))
    sign = -1 if results.names.metric(quantity.metric).better == "higher" else 1
    losses = [(ms, sign * quality["value"]) for _, quality, ms in joined]
    for (variant, quality, ms), point in zip(joined, losses, strict=True):
        lower, upper = shown_bounds(quality)
        yield {
            "metric": quantity.metric,
            "condition": quantity.condition,
            **variant._asdict(),
            "value": quality["value"],
            **{"lower": lower, "upper": upper},
            "batch_size": batch_size,
            "p50_ms": ms,
            "pareto": not any(_dominates(other, point) for other in losses),
            **{name: getattr(setup, name) for name in ("device_name", "threads", "engine")},
        }


def apart(places: Sequence[tuple[float, float]], size: tuple[float, float]) -> list[bool]:
    """Which notes of this size can be written at these places so that none lies over another.

    The last comes first: of the largest sizes.

    >>> apart([(0, 0), (5, 0), (20, 0)], (10, 8))
    [False, True, True]
    """
    written: dict[int, tuple[float, float]] = {}
    for position, (x, y) in reversed(list(enumerate(places))):
        if all(abs(x - a) >= size[0] or abs(y - b) >= size[1] for a, b in written.values()):
            written[position] = x, y
    return [position in written for position in range(len(places))]


def front_finding(rows: pd.DataFrame, names: Names) -> str:
    """Which methods reach the Pareto front of the first measure, from rows of one batch size."""
    metric, condition = rows[["metric", "condition"]].iloc[0]
    on_front = where(rows, metric=metric, condition=condition, pareto=True)
    methods = dict.fromkeys(map(names.in_text, on_front.sort_values("p50_ms")["method"]))
    said = f"on the Pareto front of {names.metric(metric).label} against latency"
    count, verb = rows["method"].nunique(), "are" if len(methods) > 1 else "is"
    return (
        f"{len(methods)} of {count} {'methods' if count > 1 else 'method'} {verb} {said} "
        f"({names.condition(condition).label}): {listed([*methods])}"
    )


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one is no slower and no worse, and not the same."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
