"""The error of sampling against members whose exact mean is known, network by network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from benchmarks.predictions import StoredPrediction
from benchmarks.run.configuration import Configuration
from benchmarks.run.curves import (
    SAMPLING_COLUMNS,
    limits_of_sampled,
    sampling_errors,
    sampling_table,
)
from benchmarks.schema import where
from methods import Prediction
from tests.runs import Run, run_of

NETWORKS, IMAGES, ALL = 4, 20, 512
CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipe="article",
    methods=("softmax", "mc_dropout", "mc_dropout_exact"),
    conditions=("rotated-045",),
    members=(1,),
    passes=(1, 4, 64),
    replicates=NETWORKS,
    subset_images=IMAGES,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of each network 512 members: all of them are its limit, the first its samples."""
    run = run_of(CONFIGURATION, tmp_path_factory.mktemp("run"))
    random = torch.Generator().manual_seed(0)
    for condition in run.plan.conditions:
        if not condition.subset:
            continue
        labels = run.workspace.evaluation_set(condition, run.plan).labels
        for network in range(NETWORKS):
            logits = 2 * torch.randn(ALL, IMAGES, 10, generator=random)
            for unit in run.plan.units():
                if unit.method == "softmax" or unit.replicate != network:
                    continue
                prediction = Prediction.of_logits(logits[: unit.size or ALL])
                if unit.size is None:
                    prediction = replace(prediction, members=None)
                stored = StoredPrediction(prediction, labels)
                run.workspace.predictions.save(unit, condition.name, stored)
    return run


def errors_of(run: Run) -> pd.DataFrame:
    """As they are written while a run is measured."""
    store, rows = run.workspace.predictions, []
    for condition in run.plan.conditions:
        of_units = {unit: store.load_if_there(unit, condition.name) for unit in run.plan.units()}
        known = {unit: stored for unit, stored in of_units.items() if stored is not None}
        rows += sampling_errors(limits_of_sampled(run.plan), condition.name, known)
    return sampling_table(rows)


@pytest.fixture(scope="module")
def errors(run: Run) -> pd.DataFrame:
    return errors_of(run)


def row(errors: pd.DataFrame, members: str, measure: str) -> pd.Series:
    rows = where(errors, condition="subset-clean", members=members, measure=measure)
    assert len(rows) == 1
    return rows.iloc[0]


def test_each_size_stands_beside_the_limit_of_the_same_networks(errors: pd.DataFrame) -> None:
    assert list(errors) == list(SAMPLING_COLUMNS)
    assert set(errors["method"]) == {"mc_dropout"}
    assert set(errors["other_method"]) == {"mc_dropout_exact"}
    assert set(errors["members"]) == {"1", "4", "64"}
    assert set(errors["condition"]) == {"subset-clean", "subset-rotated-045"}
    assert set(errors["networks"]) == {NETWORKS}
    assert set(errors["images"]) == {IMAGES}


def test_difference_is_paired_over_networks(run: Run, errors: pd.DataFrame) -> None:
    entropies = {
        size: [
            torch.special.entr(run.workspace.predictions.load(unit, "subset-clean").prediction.mean)
            .sum(dim=1)
            .mean()
            .item()
            for unit in run.plan.units()
            if (unit.method, unit.size) == (method, size)
        ]
        for method, size in (("mc_dropout", 4), ("mc_dropout_exact", None))
    }
    found = row(errors, "4", "predictive_entropy")
    expected = stats.ttest_rel(entropies[4], entropies[None]).confidence_interval()
    assert found["difference"] == pytest.approx(np.mean(entropies[4]) - np.mean(entropies[None]))
    assert (found["lower"], found["upper"]) == pytest.approx(tuple(expected), abs=2e-6)
    assert found["upper"] < 0  # the entropy of a mean of few is too small


def test_error_of_a_share_of_votes_falls_with_the_square_root(errors: pd.DataFrame) -> None:
    few, many = (row(errors, size, "votes")["rms_error"] for size in ("4", "64"))
    assert few / many == pytest.approx(4, rel=0.25)
    # Of 10 classes that are equally likely: √(0.1 · 0.9 / T).
    assert few == pytest.approx(0.15, rel=0.15)
