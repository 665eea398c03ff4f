"""What every metric and score of the registers must have."""

from __future__ import annotations

from typing import get_args

import pytest

from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.metric import Need


@pytest.mark.parametrize("name", METRICS)
def test_metric_is_complete(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.label
    assert metric.needs <= set(get_args(Need))
    assert metric.summary.endswith(".")
    assert metric.edge_cases.endswith(".")
    assert metric.formula


def test_no_two_families_have_the_same_metric_and_the_order_is_that_of_print() -> None:
    names = list(METRICS)
    assert names[:4] == ["accuracy", "nll", "brier", "ece"]
    assert names[-3:] == ["variation_ratio", "vote_entropy", "prevalence"]
    assert len(names) == 22


def test_what_is_biased_has_a_better_value() -> None:
    biased: list[Metric] = [metric for metric in METRICS.values() if metric.biased]
    assert all(metric.better == "lower" for metric in biased)
    assert {metric.name for metric in biased} == {
        *("ece", "ece_equal_mass", "ece_debiased", "mce"),
    }
