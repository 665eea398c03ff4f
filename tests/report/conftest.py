"""Runs whose predictions are made up, so that no network is trained; the rest is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.report import write_report
from benchmarks.report.figures import drawn_figures
from benchmarks.report.results import Results
from benchmarks.run.configuration import Configuration
from benchmarks.run.measure import measure as measure_all
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.record import RunRecord
from benchmarks.run.shown_images import write_shown
from benchmarks.schema import write_table
from benchmarks.tasks.conditions import Condition
from methods import Prediction
from methods.determinism import derive_seed
from tests.report.support import (
    CLAIMS,
    CONFIGURATION,
    MEMBERS,
    PASSES,
    page_of,
    timings,
    write_latency,
)
from tests.runs import Run, run_of

CUSTOM = """
from methods import UncertaintyMethod

class Mine(UncertaintyMethod):
    name = "my_method"
    def fit(self, images, labels): ...
    def predict(self, images): ...
"""

SIZES = {"my_method": 5, "mc_dropout_exact": 30}

MakeRun = Callable[..., Path]


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
    if unit.method == "mc_dropout_exact":
        return replace(made, members=None)
    return (
        replace(made, scores={"own_score": made.expected_entropy})
        if unit.recipe == "self-trained"
        else made
    )


def training_log(networks: int) -> pd.DataFrame:
    """Dropout is on over training images only."""
    measures = ["loss", "accuracy", "precision", "recall"]
    return pd.DataFrame(
        {"recipe": "standard", "network": network, "epoch": epoch}
        | {"split": split, "images": images}
        | dict.fromkeys(measures, level + 0.01 * epoch + 0.001 * network)
        | (
            {"accuracy_dropout_on": level - 0.1 + 0.01 * epoch + 0.001 * network}
            if split != "validation"
            else {}
        )
        for network in range(networks)
        for epoch, split, images, level in (
            *((epoch, "training", 10_000, 0.9) for epoch in (1, 2)),
            *((epoch, "validation", 10_000, 0.9) for epoch in (1, 2)),
            (2, "all training", 60_000, 0.5),
        )
    )


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Makes a run up to the stage `measure`, and gives its folder.

    ``custom``: whether a custom method takes part; ``fails``: which run units have no prediction
    files, by what their names begin with; ``lost``: on which conditions no run unit has one;
    ``unavailable``: conditions without data, and why; else parts of the configuration.
    """

    def make(
        *,
        custom: bool = False,
        fails: str | None = None,
        lost: Collection[str] = (),
        unavailable: dict[str, str] | None = None,
        **changes: object,
    ) -> Path:
        folder = tmp_path_factory.mktemp("run")
        if custom:
            (folder / "mine.py").write_text(CUSTOM)
            changes["custom_methods"] = (f"{folder / 'mine.py'}:Mine",)
        run = run_of(Configuration(**{**vars(CONFIGURATION), **changes}), folder)
        reasons = unavailable or {}
        record = RunRecord.begin(*run)
        record.note_data(
            {"training": {"fingerprint": ""}}
            | {
                c.name: {"unavailable": reasons[c.name]}
                if c.name in reasons
                else {"fingerprint": ""}
                for c in run.plan.conditions
            }
        )
        for unit in run.plan.units():
            if run.plan.objection(unit) or (fails and unit.name.startswith(fails)):
                continue
            for condition in run.plan.conditions_of(unit):
                if condition.name not in reasons and condition.name not in lost:
                    stored = StoredPrediction(
                        prediction(run, unit, condition),
                        run.workspace.evaluation_set(condition, run.plan).labels,
                    )
                    run.workspace.predictions.save(unit, condition.name, stored)
        nouns_of(run.plan, metric_records()).write(run.workspace.out)
        write_table(training_log(3), run.workspace.out, "training.csv")
        write_shown(*run, reasons)
        measure_all(*run, record)
        return run.workspace.out

    return make


@pytest.fixture(scope="session")
def measured(make_run: MakeRun) -> Path:
    """A run with a custom method and a condition without data."""
    return make_run(custom=True, unavailable={"ood-gaussian_noise": "Name or service not known"})


@pytest.fixture(scope="session")
def of_both(make_run: MakeRun) -> Path:
    """A run of two recipes and its page, with claims."""
    folder = make_run(recipes=("standard", "article"))
    figures = drawn_figures(Results.load(folder))  # not those of claims, which are made up
    (folder / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    page_of(folder, figures)
    return folder


@pytest.fixture(scope="session")
def reported(measured: Path) -> Path:
    """The same, with its tables and figures."""
    write_report(measured)
    return measured


@pytest.fixture(scope="session")
def timed(make_run: MakeRun) -> Path:
    """A run of several sizes that were timed."""
    folder = make_run(members=MEMBERS, passes=PASSES)
    write_latency(timings(), folder)
    return folder


@pytest.fixture(scope="session")
def timed_results(timed: Path) -> Results:
    return Results.load(timed).of_recipe("standard")
