"""The stages of a run by their names; what each does stands in `benchmarks.runner`."""

from __future__ import annotations

LATENCY, REPORT = "latency", "report"
"""Two that need little: one neither data nor trained networks, the other files alone."""

STAGES = ("train", "predict", "measure", LATENCY, REPORT)
"""In the order in which they build on one another."""
