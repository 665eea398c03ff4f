"""What every metric of the register must have."""

from __future__ import annotations

from typing import get_args

import pytest

from benchmarks.metrics import METRICS
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
    assert not metric.biased or metric.better == "lower"
