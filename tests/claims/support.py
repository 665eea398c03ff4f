"""A small run by the article's recipe, with everything that claims need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.claims import imitation, missing_data
from benchmarks.run.configuration import Configuration
from benchmarks.schema import Latency, table_of, write_table
from tests.runs import Run, run_of

SMALL = Configuration(
    preset="quick",
    task="mnist",
    recipe="article",
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(10,),
    passes=(100,),
    replicates=2,
    scores="unfitted",
)


def run_in(folder: Path, jobs: int = 1, **changes: object) -> Run:
    return run_of(replace(SMALL, **changes), folder, jobs=jobs)


def lighten(patch: pytest.MonkeyPatch) -> None:
    """Claims are measured with few passes and few networks beside those of the run."""
    patch.setattr(imitation, "MANY_PASSES", 30)
    patch.setattr(imitation, "OUTSIDE", 3)
    patch.setattr(imitation, "CHOOSING", 3)
    for name, size in (("article-1000", 100), ("article-10000", 300)):
        patch.setitem(missing_data.SIZES, name, size)


def write_latency(folder: Path) -> None:
    """As if methods had been timed in a run in this folder."""
    rows = [
        Latency(
            *(method, members, "", 64, "cpu", "A Processor", 1, engine, "kernels"),
            p50_ms=ms,
            p50_lower_ms=0.9 * ms,
            p50_upper_ms=1.1 * ms,
        )
        for engine in ("numba", "torch")
        for method, members, ms in (("mc_dropout", "100", 4.0), ("deep_ensemble", "10", 1.0))
    ]
    write_table(table_of(Latency, rows), folder / "out", "latency.csv")
