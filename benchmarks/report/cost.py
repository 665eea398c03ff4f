"""Quality against cost: what each size of a method buys, and how long an answer takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from benchmarks.report.names import METRICS, Variant
from benchmarks.report.results import Results
from benchmarks.vocabulary import CLEAN, ROTATED_MEAN

COLUMNS = [
    *("metric", "condition", "method", "members", "value", "lower", "upper"),
    *("batch_size", "p50_ms", "pareto", "device_name", "threads", "engine"),
]

OWN_ENGINE = "self-trained"
"""The engine column of a user's method, which no engine of the suite computes."""

Asked = tuple[str, str, str]
"""A metric, the condition it is measured on, and the score it uses or nothing."""


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


class Enough(NamedTuple):
    """A size that is not told to be worse than the full one, nor is any between.

    Attributes:
        variant: the smallest known.
        at_most: whether the next smaller one was not compared, so that less may be enough.
    """

    variant: Variant
    at_most: bool

    @property
    def label(self) -> str:
        """For example ``T = 20``, or ``≤ T = 50``."""
        return f"≤ {self.variant.size}" if self.at_most else self.variant.size


def timed(latency: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a time by the wall's clock."""
    return latency[(latency["status"] == "ok") & (latency["clock"] == "wall")]


def of_setup(latency: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """The rows of a setup, and those of methods that compute for themselves in its place."""
    here = latency["engine"].isin([setup.engine, OWN_ENGINE])
    for name in ("device", "device_name", "threads"):
        here &= latency[name] == getattr(setup, name)
    return latency[here]


def main_setup(latency: pd.DataFrame) -> Setup | None:
    """The setup that sizes are compared in: of those in which most were timed, first a GPU."""
    if latency.empty:
        return None
    rows = timed(latency)[[*Setup._fields, "method", "members"]].drop_duplicates()
    counted = Counter(Setup(*key) for key in rows[list(Setup._fields)].itertuples(index=False))
    most = max(counted.values(), default=0)
    found = [setup for setup, count in counted.items() if count == most]
    return min(found, key=lambda setup: setup.device == "cpu", default=None)


def batch_sizes(latency: pd.DataFrame) -> tuple[int, ...]:
    """The smallest and the largest number of images asked about at a time."""
    sizes = sorted({int(size) for size in timed(latency)["batch_size"]})
    return tuple(dict.fromkeys([*sizes[:1], *sizes[-1:]]))


def drawn(results: Results) -> list[Asked]:
    """What is drawn against cost: NLL and ECE, clean; AUROC of an out-of-distribution set."""
    return [
        ("nll", CLEAN, ""),
        ("ece", CLEAN, ""),
        *(("auroc", condition, "predictive_entropy") for condition in results.ood[:1]),
    ]


def tabulated(results: Results) -> list[Asked]:
    """What the table of sizes judges by: accuracy, rotated images and mutual information, too."""
    rotated = [ROTATED_MEAN] if results.angles_averaged else []
    return [
        *((metric, CLEAN, "") for metric in ("accuracy", "nll", "ece")),
        *(
            (metric, condition, "")
            for condition in rotated
            for metric in ("accuracy", "nll", "ece")
        ),
        *(
            ("auroc", condition, score)
            for condition in results.ood[:1]
            for score in ("predictive_entropy", "mutual_information")
        ),
    ]


def points(results: Results) -> pd.DataFrame:
    """A row for each measure, size and batch size that has both a value and a time."""
    latency = results.latency
    setup = main_setup(latency)
    if setup is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for metric, condition, score in drawn(results):
        for batch_size in batch_sizes(latency):
            rows += list(_points(results, (metric, condition, score), setup, batch_size))
    return pd.DataFrame(rows, columns=COLUMNS)


def milliseconds(
    latency: pd.DataFrame, setup: Setup, variant: Variant, batch_size: int
) -> pd.Series | None:
    """The row of a variant in a setup, if it was timed there."""
    rows = of_setup(timed(latency), setup)
    for name, value in {**variant._asdict(), "batch_size": batch_size}.items():
        rows = rows[rows[name] == value]
    return None if rows.empty else rows.iloc[0]


def needed(results: Results, full: Variant, asked: Asked) -> Enough | None:
    """The smallest size from which on none is told to be worse than the full one.

    Told to be worse: the interval of the paired difference to the full size lies on the worse side
    of 0. It is a statement about what these images can tell apart, not one of equality. ``None``
    where the full size has no value or no interval.

    Args:
        asked: a measure of which one value is better than another.
    """
    metric, condition, score = asked
    whole = results.find(full, condition, metric, score)
    if whole is None or pd.isna(whole["value"]) or pd.isna(whole["lower"]):
        return None
    sizes = [v for v in results.variants if v.method == full.method and v.members.isdigit()]
    smallest = full
    for variant in sorted(sizes, key=lambda v: v.rank, reverse=True):
        if variant == full:
            continue
        row = results.find(variant, condition, metric, score)
        if row is not None and row["status"] == "undefined":
            break  # as disagreement is with one member
        bounds = results.difference(variant, full, condition, metric, score)
        if bounds is None:
            return Enough(smallest, at_most=True)
        if _is_worse(bounds, METRICS[metric].better):
            break
        smallest = variant
    return Enough(smallest, at_most=False)


def _points(
    results: Results, asked: Asked, setup: Setup, batch_size: int
) -> Iterator[dict[str, object]]:
    metric, condition, score = asked
    found = []
    for variant in results.variants:
        quality = results.find(variant, condition, metric, score)
        cost = milliseconds(results.latency, setup, variant, batch_size)
        if quality is not None and pd.notna(quality["value"]) and cost is not None:
            found.append((variant, quality, float(cost["p50_ms"])))
    sign = -1 if METRICS[metric].better == "↑" else 1
    losses = [(ms, sign * quality["value"]) for _, quality, ms in found]
    for (variant, quality, ms), own in zip(found, losses, strict=True):
        yield {
            "metric": metric,
            "condition": condition,
            **variant._asdict(),
            **{name: quality[name] for name in ("value", "lower", "upper")},
            "batch_size": batch_size,
            "p50_ms": ms,
            "pareto": not any(_dominates(other, own) for other in losses),
            **{name: getattr(setup, name) for name in ("device_name", "threads", "engine")},
        }


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one is no slower and no worse, and not the same."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _is_worse(difference: tuple[float, float], better: str) -> bool:
    """Whether the whole interval lies on the side that is not the better one."""
    lower, upper = difference
    return upper < 0 if better == "↑" else lower > 0
