"""Other papers' numbers: the register, verdicts on both sides, and the table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import Names
from benchmarks.report.published import (
    NOT_MEASURED,
    NOT_WITHIN,
    PUBLISHED,
    UNDECIDED,
    PublishedNumber,
    compared,
    published_table,
)
from benchmarks.report.results import Results
from benchmarks.report.tables.table import markdown
from benchmarks.run.configuration import Configuration, configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.tasks import TASKS
from methods.scores import SCORES
from tests.runs import TRAINED


def names_of(configuration: Configuration) -> Names:
    return nouns_of(Plan(configuration), metric_records(10))


NAMES, NAMES_OF_FULL = (names_of(configuration_of(preset)) for preset in ("published", "full"))

NUMBER = next(one for one in PUBLISHED if (one.method, one.metric) == ("softmax", "accuracy"))


def row(number: PublishedNumber, value: float, **changes: Any) -> dict[str, Any]:
    return {
        **{"method": number.method, "members": str(number.members)},
        "budget": float(number.members if number.method == "deep_ensemble" else 1),
        **{"condition": number.condition, "score": number.score, "metric": number.metric},
        **{"value": value, "lower": value - 0.01, "upper": value + 0.01, "replicates": 5},
        **{"images": 10_000, "status": "ok", "reason": ""},
        **changes,
    }


def results(*rows: dict[str, Any], names: Names = NAMES) -> Results:
    return Results(pd.DataFrame(rows), names)


@pytest.mark.parametrize(
    ("metric", "published", "near", "far"),
    [
        ("accuracy", 0.991, (0.988, 0.994), (0.9879, 0.9941)),
        ("nll", 0.200, (0.170, 0.230), (0.1699, 0.2301)),
        ("auroc", 0.985, (0.975, 0.995), (0.9749, 0.9951)),
        ("mean_confidence", 0.750, (0.700, 0.800), (0.6999, 0.8001)),
        ("ece", 0.010, (0.005, 0.015), (0.0049, 0.0151)),
    ],
)
def test_tolerances_have_two_sides(
    metric: str, published: float, near: tuple[float, ...], far: tuple[float, ...]
) -> None:
    number = replace(NUMBER, metric=metric, published=published)
    assert list(map(number.admits, (*near, *far, math.nan))) == [True, True, False, False, False]


def test_verdict_compares_the_values_alone_and_a_miss_has_its_known_reason() -> None:
    ours = row(NUMBER, 0.988, images=100)
    near = compared(NUMBER, results(ours))
    assert near.row is not None
    assert near.row.items() >= ours.items()
    assert (near.verdict, near.remark) == (UNDECIDED, "only 100 of 10,000 images")
    far = compared(NUMBER, results(row(NUMBER, 0.987)))
    assert (far.verdict, far.remark) == (NOT_WITHIN, "reason not known yet")
    known = replace(NUMBER, reason="other pixels")
    assert compared(known, results(row(known, 0.9))).remark == "other pixels"
    assert compared(known, results(row(known, 0.991))).remark == ""
    ensemble = replace(NUMBER, method="deep_ensemble", members=10)
    one = compared(ensemble, results(row(ensemble, 0.99, replicates=1, reason="of a few")))
    assert (one.verdict, one.remark) == (UNDECIDED, "of a few")


def test_a_tolerance_decides_up_to_half_the_distance_to_the_papers_nearest_other_method() -> None:
    decisive = {(n.task, n.method, n.metric, n.published) for n in PUBLISHED if n.decides}
    assert ("mnist", "deep_ensemble", "nll", 0.016) in decisive  # 0.0024; others: 0.037, 0.048
    assert ("mnist", "softmax", "accuracy", 0.991) not in decisive  # 0.003; 0.994
    close = replace(NUMBER, published=0.9975)  # 0.0035 from 0.994
    assert not close.decides
    assert replace(close, published=1.0).decides


SHORT = names_of(replace(configuration_of("published"), epochs=1))


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        (results(row(NUMBER, 0.99), names=SHORT), "trained for 1 of 23 epochs"),
        (results(row(NUMBER, 0.99, method="swag")), "no predictions by the method 'softmax'"),
        (results(row(NUMBER, 0.99, replicates=4)), "4 networks; at least 5 are needed"),
        (results(row(NUMBER, math.nan, status="failed", reason="no memory")), "no memory"),
        (results(row(NUMBER, 0.99, condition="ood-kmnist")), "no value of single networks"),
    ],
    ids=["epochs", "method", "networks", "failed", "condition"],
)
def test_what_is_not_measured_says_why(measured: Results, why: str) -> None:
    found = compared(NUMBER, measured)
    assert (found.row, found.verdict) == (None, NOT_MEASURED)
    assert why in found.remark


def test_table_has_a_row_a_measured_number_and_tells_what_is_not_measured() -> None:
    table = published_table(results(row(NUMBER, 0.990), row(NUMBER, 0.9, metric="nll")))
    assert table is not None
    assert "0 of 1 that decide, 1 that do not" in table.caption
    own = [n for n in PUBLISHED if (n.task, n.recipe) == ("mnist", "uncertainty-baselines")]
    assert len(table.rows) == 2 < len(own) < len(PUBLISHED)
    text = markdown(table)
    assert "| 0.991 | 0.990 ± 0.010 | 0.3 points | does not decide |" in text
    assert "</sup> in results/published it is chance" in text
    assert f"Not measured: {len(own) - 2} numbers (the run has no" in text


def test_runs_without_a_papers_recipe_have_no_table() -> None:
    assert published_table(results(row(NUMBER, 0.99), names=NAMES_OF_FULL)) is None


def test_register_names_what_there_is() -> None:
    assert PUBLISHED
    for number in PUBLISHED:
        task = TASKS[number.task]
        assert task.recipe(number.recipe).epochs == number.epochs
        configuration = configuration_of("published", number.task, number.recipe)
        if number.method not in TRAINED:  # not run by these recipes
            assert number.method in configuration.methods
            assert number.members <= configuration.pool
        assert number.condition in {condition.name for condition in task.conditions}
        needs_score = "score" in METRICS[number.metric].needs
        assert number.score in SCORES if needs_score else not number.score
