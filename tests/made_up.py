"""A run of MNIST whose predictions are made up: no network is trained, the rest is computed.

`tests.runs` says how tests share the finished one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.report import write_report
from benchmarks.report.timings import MEDIAN
from benchmarks.run.configuration import Configuration
from benchmarks.run.measure import measure
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.record import RunRecord
from benchmarks.run.shown_images import write_shown
from benchmarks.schema import Latency, table_of, write_table
from benchmarks.tasks.task import Condition
from methods import Prediction
from methods.determinism import derive_seed
from tests.runs import Run, run_of

SMALL = Configuration(
    preset="quick",
    task="mnist",
    recipe="article",
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-030", "rotated-045", "rotated-120", "ood-*_noise"),
    members=(4,),
    passes=(3, 8),
    replicates=2,
    images=80,
    subset_images=40,
    resamples=200,
)
"""What `make_up` computes where nothing else is chosen."""

PASSES, MEMBERS = (1, 2, 4, 8), (2, 4)

MADE_UP: dict[str, Any] = {
    "custom": True,
    "unavailable": {"ood-gaussian_noise": "Name or service not known"},
    "members": MEMBERS,
    "passes": PASSES,
}
"""How the shared run differs from it: by a custom method, a condition without data, and sizes."""

TWO_BUDGETS: dict[str, Any] = {
    "recipe": "well-trained",
    "budgets": (1.0, 5.0),
    "members": (2, 5),
    "passes": (8,),
}
"""How a small run differs whose single networks are of two budgets, as is an ensemble of five."""

CUSTOM = """
from methods import UncertaintyMethod

class Mine(UncertaintyMethod):
    name, slow = "my_method", {slow}
    def fit(self, images, labels): ...
    def predict(self, images): ...
"""

SIZES = {"my_method": 5}

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
    "parts": [{"what": "gap below 1", "shown": "0.5 (0.4 to 0.6)", "holds": True}],
}
CLAIMS = {
    "setting": {
        **{"recipe": "article", "networks": 50, "epochs": 10, "passes": 100},
        **{"images": 10_000, "ood": ["Fashion-MNIST"]},
    },
    "claims": [CLAIM, CLAIM | {"id": "other", "verdict": "reproduced", "statement": "Text."}],
}

LATENCY = Latency(
    *("softmax", "1", "", 1, "cpu", "A Processor", 1, "torch", "single"),
    **{"p50_ms": 0.5, "p50_lower_ms": 0.49, "p50_upper_ms": 0.51, "images_per_s": 2000.0},
    **{"parameters": 61706, "multiply_adds": 416520, "peak_memory_mb": 1.5, "fit_s": 0.1},
)


def finish_made_up(folder: Path) -> None:
    """The shared run, every stage; timings and verdicts are made up, too."""
    out = make_up(folder, **MADE_UP)
    write_latency(timings(), out)
    (out / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    write_report(out)


def make_up_two_budgets(folder: Path) -> None:
    """A small run with single networks of two budgets, without timings, claims and a report."""
    make_up(folder, **TWO_BUDGETS)


def make_up(
    folder: Path,
    *,
    custom: bool = False,
    slow: bool = False,
    fails: str | None = None,
    lost: Collection[str] = (),
    unavailable: Mapping[str, str] | None = None,
    groups: torch.Tensor | None = None,
    **changes: object,
) -> Path:
    """A run up to the stage `measure`, without timings, claims and a report; the folder of results.

    Args:
        custom: whether a custom method takes part.
        slow: whether one takes part that is evaluated on subsets alone.
        fails: which run units have no prediction files, by what their names begin with.
        lost: on which conditions no run unit has one.
        unavailable: conditions without data, and why.
        groups: of labelled images, which are drawn together.
        changes: parts of the configuration that differ from `SMALL`.
    """
    if custom or slow:
        (folder / "mine.py").write_text(CUSTOM.format(slow=slow))
        changes["custom_methods"] = (f"{folder / 'mine.py'}:Mine",)
    run = run_of(replace(SMALL, **changes), folder)
    reasons = unavailable or {}
    record = RunRecord.begin(*run)
    record.note_data(
        {"training": {"fingerprint": ""}}
        | {
            c.name: {"unavailable": reasons[c.name]} if c.name in reasons else {"fingerprint": ""}
            for c in run.plan.conditions
        }
    )
    for unit in run.plan.units():
        if run.plan.objection(unit) or (fails and unit.name.startswith(fails)):
            continue
        for condition in run.plan.conditions_of(unit):
            if condition.name not in reasons and condition.name not in lost:
                labels = run.workspace.evaluation_set(condition, run.plan).labels
                own = None if labels is None else groups
                stored = StoredPrediction(prediction(run, unit, condition), labels, groups=own)
                run.workspace.predictions.save(unit, condition.name, stored)
    nouns_of(run.plan, metric_records(10)).write(run.workspace.out)
    write_table(training_log(3), run.workspace.out, "training.csv")
    write_shown(*run, reasons)
    measure(*run, record)
    return run.workspace.out


def prediction(run: Run, unit: RunUnit, condition: Condition) -> Prediction:
    """Members around the label: the more the images are rotated, the less certain and alike."""
    evaluated = run.workspace.evaluation_set(condition, run.plan)
    members = unit.size or SIZES.get(unit.method, 1)
    seed = derive_seed(unit.name, condition.name)
    random = torch.Generator().manual_seed(seed)
    spread = 1 + (condition.severity or 0) / 45 if condition.labelled else 2.0
    logits = spread * torch.randn(members, len(evaluated.images), 10, generator=random)
    if evaluated.labels is not None:
        logits += 4 * torch.nn.functional.one_hot(evaluated.labels, 10)
    made = Prediction.of_logits(logits)
    if unit.method == "my_method":
        return replace(made, scores={"own_score": made.expected_entropy})
    return made


def training_log(networks: int) -> pd.DataFrame:
    """Two epochs, and a row of all images; dropout is on over training images only."""
    measures = ["loss", "accuracy", "precision", "recall"]
    rows = []
    for network in range(networks):
        for epoch, split in [*product((1, 2), ("training", "validation")), (2, "all training")]:
            level = 0.01 * epoch + 0.001 * network + (0.5 if split == "all training" else 0.9)
            row = {"training": "article", "network": network, "epoch": epoch, "split": split}
            row |= {"images": 60_000 if split == "all training" else 10_000}
            row |= dict.fromkeys(measures, level)
            dropout = {} if split == "validation" else {"accuracy_dropout_on": level - 0.1}
            rows.append(row | dropout)
    return pd.DataFrame(rows)


def write_latency(rows: list[Latency], folder: Path) -> None:
    write_table(table_of(Latency, rows), folder, "latency.csv")


def timings() -> list[Latency]:
    """A millisecond a pass or member and ten more a batch; largest sizes by all threads, too.

    The kernels take a tenth of the time. They have trained the networks, and no ensemble.
    """
    rows = []
    for method, sizes in (("softmax", (1,)), ("mc_dropout", PASSES), ("deep_ensemble", MEMBERS)):
        for size in sizes:
            for batch_size in (1, 64):
                ms = size * (1 + 10 * (batch_size > 1)) * (3 if method == "deep_ensemble" else 1)
                row = replace(
                    LATENCY,
                    method=method,
                    members=str(size),
                    batch_size=batch_size,
                    p50_ms=ms,
                    p50_lower_ms=0.98 * ms,
                    p50_upper_ms=1.02 * ms,
                    images_per_s=1000 * batch_size / ms,
                )
                rows.append(row)
                if size == max(sizes):
                    rows.append(replace(row, threads=2, p50_ms=7.0))
                if method != "deep_ensemble":
                    median = {name: getattr(row, name) / 10 for name in MEDIAN}
                    kernels = {"engine": "numba", "mode": "kernels", "training_s": 12.5}
                    rows.append(replace(row, **median, **kernels))
    return rows
