"""The stages of a run by their names; what each does stands in `benchmarks.runner`."""

from __future__ import annotations

MEASURE, LATENCY, CLAIMS, REPORT = "measure", "latency", "claims", "report"

STAGES = ("train", "predict", MEASURE, LATENCY, CLAIMS, REPORT)
"""In the order in which they build on one another."""
