"""Margins are of metrics that are tested, and far below what many networks gain."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import mean_name

RESULTS = Path(__file__).parents[2] / "results"

RUNS = {"mnist": "mnist", "fashion_mnist": "fashion_mnist"}
"""The committed runs that have ensembles of all sizes, with their tasks."""

GROUPS = "clean", "rotated", "translated", "corrupted", "out-of-distribution"

ALONE = "clean", "out-of-distribution"
"""Those that are not averaged: each set of images counts."""

WITH_MARGIN = {name: metric for name, metric in METRICS.items() if any(metric.margins.values())}


def gains(run: str, metric: str) -> dict[str, float]:
    """By group, how much better the largest ensemble is than one network; of several the least."""
    path, task = RESULTS / run / "summary.csv.xz", TASKS[RUNS[run]]
    table = pd.read_csv(path, dtype={"members": str}, keep_default_na=False)
    names = {mean_name(group): group for group in GROUPS}
    names |= {c.name: c.group for c in task.conditions if c.group in ALONE and not c.subset}
    table = table[
        (table["method"] == "deep_ensemble")
        & (table["metric"] == metric)
        & table["score"].isin(["", "predictive_entropy"])
    ]
    # Of networks with a budget of one each; until version 0.3, of those of one recipe.
    natural = table["budget"] == table["members"].astype(float)
    table = table[table["recipe"] == "standard" if "recipe" in table else natural]
    values = table.assign(value=pd.to_numeric(table["value"])).pivot(
        index="condition", columns="members", values="value"
    )
    sizes = sorted(values, key=int)
    assert sizes[0] == "1"
    gained = values[sizes[-1]] - values[sizes[0]]
    gained *= 1 if METRICS[metric].better == "higher" else -1
    return gained.groupby(gained.index.map(names.get)).min().to_dict()


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("metric", WITH_MARGIN)
def test_margin_is_at_most_half_of_what_the_largest_ensembles_gain(metric: str, run: str) -> None:
    gained = gains(run, metric)
    for group in GROUPS:
        margin = METRICS[metric].margin(group)
        assert margin == 0 or margin <= gained[group] / 2


def test_margins_are_of_metrics_that_are_tested_and_of_known_groups() -> None:
    assert set(WITH_MARGIN) >= {"accuracy", "nll", "error_at_coverage_90", "augrc", "auroc"}
    for metric in WITH_MARGIN.values():
        assert metric.better
        assert not metric.biased
        assert set(metric.margins) == set(GROUPS)
    known = {condition.group for task in TASKS.values() for condition in task.conditions}
    assert set(GROUPS) <= known
    assert METRICS["accuracy"].margin("a group of another task") == 0
