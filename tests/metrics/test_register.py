"""What every metric and score of the registers must have."""

from __future__ import annotations

from typing import get_args

import pytest

from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.metric import MetricNeed


@pytest.mark.parametrize("name", METRICS)
def test_metric_is_complete(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.label
    assert metric.needs <= set(get_args(MetricNeed))
    assert metric.summary.endswith(".")
    assert metric.edge_cases.endswith(".")
    assert metric.formula


def test_what_is_biased_has_a_better_value() -> None:
    biased: list[Metric] = [metric for metric in METRICS.values() if metric.biased]
    assert all(metric.better == "lower" for metric in biased)
    names = {metric.name for metric in biased}
    assert names >= {"ece", "ece_equal_mass", "ece_debiased", "mce"}
    assert not names & {"accuracy", "nll", "brier", "squared_ce_debiased", "auroc"}
