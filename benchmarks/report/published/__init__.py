"""The register of other papers' numbers, which a run with their recipes is judged by."""

from __future__ import annotations

from benchmarks.report.published.laplace_redux import LAPLACE_REDUX
from benchmarks.report.published.number import PublishedNumber
from benchmarks.report.published.uncertainty_baselines import UNCERTAINTY_BASELINES

__all__ = ["PUBLISHED", "PublishedNumber"]

PUBLISHED: tuple[PublishedNumber, ...] = (*UNCERTAINTY_BASELINES, *LAPLACE_REDUX)
