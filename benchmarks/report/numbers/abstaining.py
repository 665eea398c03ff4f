"""Selective prediction: the error of the images that are left where methods abstain on some."""

from __future__ import annotations

from benchmarks.report.editorial import RIGHT
from benchmarks.report.results import Results


def steps(results: Results) -> dict[str, float]:
    """The metrics, with the images that methods abstain on by each of them, in percent, from 0 on.

    Empty where a run has no such metric.
    """
    selective = [one for one in results.names.metrics if one.coverage < 1]
    ordered = sorted(selective, key=lambda one: -one.coverage)
    left_out = {one.name: round(100 * (1 - one.coverage), 6) for one in ordered}
    return {RIGHT: 0.0, **left_out} if left_out else {}


def in_percent(metric: str, value: float) -> float:
    """The error in percent, from the value of one of the `steps`."""
    return 100 * (1 - value if metric == RIGHT else value)
