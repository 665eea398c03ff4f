"""The suite in Python: everything is returned, nothing printed, nothing written unless asked.

Errors of arguments are `ArgumentError`, a `ValueError`; what else is raised are exceptions of
Python, too. The caller's random state, working folder and settings stay as they are.
"""

from __future__ import annotations

from benchmarks.api.arguments import ArgumentError
from benchmarks.api.evaluation import evaluate, score_predictions
from benchmarks.api.results import BenchmarkResults, load_results
from benchmarks.api.running import run_benchmark

__all__ = [
    "ArgumentError",
    "BenchmarkResults",
    "evaluate",
    "load_results",
    "run_benchmark",
    "score_predictions",
]
