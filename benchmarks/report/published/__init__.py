"""The register of other papers' numbers and findings, which runs are judged by."""

from __future__ import annotations

from benchmarks.report.published.finding import PublishedFinding
from benchmarks.report.published.gal_ghahramani import GAL_GHAHRAMANI
from benchmarks.report.published.laplace_redux import LAPLACE_REDUX
from benchmarks.report.published.number import PublishedNumber
from benchmarks.report.published.ovadia import OVADIA
from benchmarks.report.published.uncertainty_baselines import UNCERTAINTY_BASELINES

__all__ = ["FINDINGS", "PUBLISHED", "PublishedFinding", "PublishedNumber"]

PUBLISHED: tuple[PublishedNumber, ...] = (*UNCERTAINTY_BASELINES, *LAPLACE_REDUX)

FINDINGS: tuple[PublishedFinding, ...] = (GAL_GHAHRAMANI, OVADIA)
"""What papers show without a number that could be compared."""
