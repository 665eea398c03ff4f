"""Runs whose predictions are made up, so that no network is trained; all else is the suite's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.conditions import Condition
from benchmarks.configuration import Configuration, Machine
from benchmarks.pictures import write_pictures
from benchmarks.predictions import Cell, Shard
from benchmarks.records import write_table
from benchmarks.report import write_report
from benchmarks.report.page import write_page
from benchmarks.report.results import Results
from benchmarks.run import Run
from benchmarks.run_record import RunRecord
from benchmarks.runner import measure_all
from methods import Prediction
from methods.seeds import derive_seed
from tests.report.support import CLAIMS

CONFIGURATION = Configuration(
    preset="quick",
    recipes=("standard",),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-030", "rotated-060", "rotated-120", "ood-*_noise"),
    members=(4,),
    passes=(3, 8),
    replicates=2,
    images=80,
    exact_images=40,
    resamples=200,
)

OWN = """
from methods import UncertaintyMethod

class Mine(UncertaintyMethod):
    name = "my_method"
    def fit(self, images, labels): ...
    def predict(self, images): ...
"""

MEMBERS = {"my_method": 5, "mc_dropout_exact": 30}

MakeRun = Callable[..., Path]


def prediction(run: Run, cell: Cell, condition: Condition) -> Prediction:
    """Opinions around the label: the more the images are turned, the less certain and common."""
    judged = run.judged(condition)
    members = cell.size or MEMBERS.get(cell.method, 1)
    seed = derive_seed(cell.name, condition.name)
    random = torch.Generator().manual_seed(seed)
    spread = 1 + condition.angle / 45 if condition.labelled else 2.0
    logits = spread * torch.randn(members, len(judged.images), 10, generator=random)
    if judged.labels is not None:
        logits += 4 * torch.nn.functional.one_hot(judged.labels, 10)
    made = Prediction.of_logits(logits)
    if cell.method == "mc_dropout_exact":
        return replace(made, members=None)
    return (
        replace(made, scores={"own_score": made.expected_entropy}) if cell.recipe == "own" else made
    )


def training_log(networks: int) -> pd.DataFrame:
    measures = ["loss", "accuracy", "precision", "recall"]
    return pd.DataFrame(
        {"recipe": "standard", "network": network, "epoch": epoch, "split": split}
        | dict.fromkeys(measures, 0.9 + 0.01 * epoch + 0.001 * network)
        | {"accuracy_dropout_on": 0.8 + 0.01 * epoch + 0.001 * network}
        for network in range(networks)
        for epoch in (1, 2)
        for split in ("training", "validation")
    )


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Makes a run up to the stage `measure`, and gives its folder.

    ``own``: whether a user's method takes part; ``fails``: which cells have no shards, by what
    their names begin with; ``unavailable``: which conditions, and why; else parts of the
    configuration.
    """

    def make(
        *,
        own: bool = False,
        fails: str | None = None,
        unavailable: dict[str, str] | None = None,
        **changes: object,
    ) -> Path:
        folder = tmp_path_factory.mktemp("run")
        if own:
            (folder / "mine.py").write_text(OWN)
            changes["own_methods"] = (f"{folder / 'mine.py'}:Mine",)
        run = Run(
            Configuration(**{**vars(CONFIGURATION), **changes}),
            Machine(folder / "out", folder / "networks", None, jobs=1),
        )
        reasons = unavailable or {}
        record = RunRecord.begin(run)
        record.note_data(
            {"training": {"fingerprint": ""}}
            | {
                c.name: {"unavailable": reasons[c.name]}
                if c.name in reasons
                else {"fingerprint": ""}
                for c in run.conditions
            }
        )
        for cell in run.cells():
            if run.objection(cell) or (fails and cell.name.startswith(fails)):
                continue
            for condition in run.conditions_of(cell):
                if condition.name not in reasons:
                    shard = Shard(prediction(run, cell, condition), run.judged(condition).labels)
                    run.shards.save(cell, condition.name, shard)
        write_table(training_log(3), run.machine.out / "training.csv")
        write_pictures(run, reasons)
        measure_all(run, record)
        return run.machine.out

    return make


@pytest.fixture(scope="session")
def measured(make_run: MakeRun) -> Path:
    """A run with an own method and a set that cannot be had."""
    return make_run(own=True, unavailable={"ood-gaussian_noise": "the mirror is asleep"})


@pytest.fixture(scope="session")
def of_both(make_run: MakeRun) -> Path:
    """The page of a run of two recipes, with claims."""
    folder = make_run(recipes=("standard", "article"))
    (folder / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    write_page(Results.load(folder), folder)
    return folder


@pytest.fixture(scope="session")
def reported(measured: Path) -> Path:
    """The same, with its tables and figures."""
    write_report(measured)
    return measured
