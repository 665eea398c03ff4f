"""A small run by the article's recipe, with everything that claims need; verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.claims import CLAIMS, exact, predictor, training_sets, writing
from benchmarks.claims.claim import Verdict
from benchmarks.claims.statements import imitation
from benchmarks.run.configuration import Configuration
from benchmarks.schema import Latency, table_of, write_table
from tests.runs import Run, run_of

YES, PARTLY, NO = Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED

SMALL = Configuration(
    preset="quick",
    task="mnist",
    recipes=("article", "article-logits"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(10,),
    passes=(100,),
    replicates=2,
    scores="unfitted",
)


def write_latency(folder: Path) -> None:
    """As if methods had been timed in a run in this folder."""
    rows = [
        Latency(
            *(method, members, 64, "cpu", "A Processor", 1, engine, "kernels", "wall"),
            p50_ms=ms,
            p50_lower_ms=0.9 * ms,
            p50_upper_ms=1.1 * ms,
        )
        for engine in ("numba", "torch")
        for method, members, ms in (("mc_dropout", "100", 4.0), ("deep_ensemble", "10", 1.0))
    ]
    write_table(table_of(Latency, rows), folder / "out", "latency.csv")


def lighten(patch: pytest.MonkeyPatch) -> None:
    """Claims are measured with few passes and few networks beside those of the run."""
    patch.setattr(imitation, "MANY_PASSES", 30)
    # To enumerate all sub-networks takes seconds a network.
    patch.setattr(writing, "write_exact", lambda one: exact.write_exact(replace(one, networks=1)))
    patch.setattr(predictor, "OUTSIDE", 2)
    patch.setattr(predictor, "CHOOSING", 3)
    patch.setitem(training_sets.SIZES, "article-1000", 100)
    patch.setitem(training_sets.SIZES, "article-10000", 300)


def run_in(folder: Path, jobs: int = 1, **changes: object) -> Run:
    return run_of(replace(SMALL, **changes), folder, jobs=jobs)


def judged(id: str, table: pd.DataFrame) -> Verdict:
    return CLAIMS[id].judge(table).verdict
