"""A small run by the article's recipe, with everything that claims need; verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Numbers, Verdict
from benchmarks.records import write_table
from benchmarks.run.configuration import Configuration
from tests.runs import Run, run_of

YES, PARTLY, NO = Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED

SMALL = Configuration(
    preset="quick",
    task="mnist",
    recipes=("article", "article-logits"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(2,),
    passes=(100,),
    replicates=2,
)


def write_latency(folder: Path) -> None:
    """As if methods had been timed in a run in this folder."""
    times = {"method": ["mc_dropout", "deep_ensemble"], "members": [100, 2], "p50_ms": [4.0, 1.0]}
    alike = {"engine": "numba", "device": "cpu", "threads": 1, "batch_size": 64, "clock": "wall"}
    table = pd.DataFrame(times).assign(status="ok", reason="", **alike)
    write_table(table, folder / "out" / "latency.csv")


def run_in(folder: Path, jobs: int = 1, **changes: object) -> Run:
    return run_of(replace(SMALL, **changes), folder, jobs=jobs)


def judged(id: str, numbers: Numbers) -> Verdict:
    return CLAIMS[id].judge(numbers).verdict
