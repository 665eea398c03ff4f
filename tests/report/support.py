"""What a run names, and what it leaves of the article's claims and of timings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.latency.stage import NO_GPU
from benchmarks.nouns import Names
from benchmarks.report.figures import Drawn
from benchmarks.report.page import write_page
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import pivots, tables_of
from benchmarks.report.tables.pivot import table_of as table_of_pivot
from benchmarks.report.tables.table import Table
from benchmarks.run.configuration import Configuration
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.schema import Comparison, Latency, table_of, write_table

CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipes=("standard",),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-030", "rotated-060", "rotated-120", "ood-*_noise"),
    members=(4,),
    passes=(3, 8),
    replicates=2,
    images=80,
    subset_images=40,
    resamples=200,
)

CLAIM = {
    "id": "image-61",
    "statement": "Image 61 is <told> differently.",
    "place": "section 2",
    "weight": "central",
    "task": "mnist",
    "rule": "at least half",
    "against": "",
    "verdict": "not reproduced",
    "why": "holds: 3 of 50 networks",
    "figure": "claims-count-plots",
    "recipe": "article",
    "parts": [{"what": "gap below 1", "shown": "0.5 (0.4 to 0.6)", "holds": True}],
    "beside": {
        "standard": {
            "verdict": "partly reproduced",
            "why": "holds: 5 of 50 networks.",
            "parts": [],
        }
    },
}
CLAIMS = {
    "setting": {
        **{"recipe": "article", "networks": 50, "epochs": 10, "passes": 100},
        **{"images": 10_000, "ood": ["Fashion-MNIST"]},
        "beside": {"standard": 3},
    },
    "claims": [CLAIM, CLAIM | {"id": "other", "verdict": "reproduced", "statement": "Text."}],
}

PASSES, MEMBERS = (1, 2, 4, 8), (2, 4)

ROW = Latency(
    *("softmax", "1", 1, "cpu", "A Processor", 1, "numba", "kernels", "wall"),
    **{"p50_ms": 0.5, "p50_lower_ms": 0.49, "p50_upper_ms": 0.51, "calls": 300},
    **{"parameters": 61706, "multiply_adds": 416520, "weight_bytes": 246824},
    **{"p90_ms": 0.6, "p99_ms": 0.9, "images_per_s": 2000.0},
    **{"peak_memory_mb": 1.5, "training_s": 12.5},
)


def nouns(**changes: object) -> Names:
    """What a run names; ``changes``: parts of the configuration."""
    plan = Plan(Configuration(**{**vars(CONFIGURATION), **changes}))
    return nouns_of(plan, metric_records())


NAMES = nouns()


UNTESTED = Comparison(
    **{"family": "main", "split": "training", "images": 80},
    **{"condition": "clean", "metric": "accuracy", "score": ""},
    **{"recipe": "standard", "method": "", "members": "1"},
    **{"other_recipe": "standard", "other_method": "", "other_members": "1"},
)


def comparisons(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of these comparisons; what a row does not name is as in `UNTESTED`."""
    return table_of(Comparison, [replace(UNTESTED, **row) for row in rows])


def page_of(folder: Path, figures: Sequence[Drawn] = ()) -> str:
    """The page of a run, written anew."""
    results = Results.load(folder)
    write_page(results, tables_of(results), figures, folder)
    return (folder / "index.html").read_text(encoding="utf-8")


def write_latency(rows: list[Latency], folder: Path) -> None:
    write_table(table_of(Latency, rows), folder, "latency.csv")


def timings() -> list[Latency]:
    """A millisecond a pass or member and ten an image; the largest sizes with two threads too."""
    rows = []
    for method, sizes in (("softmax", (1,)), ("mc_dropout", PASSES), ("deep_ensemble", MEMBERS)):
        for size in sizes:
            for batch_size in (1, 64):
                ms = size * (1 + 10 * (batch_size > 1)) * (3 if method == "deep_ensemble" else 1)
                row = replace(
                    ROW,
                    method=method,
                    members=str(size),
                    batch_size=batch_size,
                    p50_ms=ms,
                    p50_lower_ms=0.98 * ms,
                    p50_upper_ms=1.02 * ms,
                    p90_ms=1.5 * ms,
                    p99_ms=2 * ms if size < 8 else None,
                    images_per_s=1000 * batch_size / ms,
                )
                rows.append(row)
                if size == max(sizes):
                    rows.append(replace(row, threads=2, p50_ms=7.0))
    absent = Latency("softmax", "", None, "cuda", "", None, "torch", "", "")
    return [
        *rows,
        *(
            replace(absent, method=method, status="unavailable", reason=NO_GPU)
            for method in ("softmax", "mc_dropout", "deep_ensemble")
        ),
    ]


def made_table(results: Results, name: str) -> Table | None:
    """A table of a run's results; ``None`` where it would be empty."""
    (pivot,) = (pivot for pivot in pivots(results) if pivot.name == name)
    return table_of_pivot(pivot, results)


def table_named(results: Results, name: str) -> Table:
    """A table of a run's results that is not empty."""
    table = made_table(results, name)
    assert table is not None
    return table
