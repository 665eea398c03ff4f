"""``curves/replicates.csv``: each replicate's values, as figures draw them beside their mean."""

from __future__ import annotations

import math

import pandas as pd

from benchmarks.compared_sizes import compared_variants
from benchmarks.metrics import METRICS, Metric
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import WITH_VALUE

KEY = ["recipe", "method", "members", "replicate", "condition"]

DECIMALS = 5


def replicates_table(plan: Plan, measurements: pd.DataFrame) -> pd.DataFrame:
    """A row a replicate and condition, a column a metric that figures draw.

    Those that need a score have the method's primary one. Without subsets of images; and of sizes
    that are not compared without single conditions of a group, which no figure shows.

    Args:
        measurements: of each replicate, means over groups among them.
    """
    metrics = [name for name, one in METRICS.items() if _is_drawn(one)]
    scores = {name: m.primary_score for name, m in plan.configuration.classes.items()}
    subsets = {one.name for one in plan.conditions if one.subset}
    single = {one.name for one in plan.conditions if one.is_one_of_many}
    variants = pd.Series(
        list(zip(measurements["method"], measurements["members"], strict=True)),
        index=measurements.index,
        dtype=object,
    )
    usual = {name: m.usual_sizes for name, m in plan.configuration.classes.items()}
    compared = variants.isin(compared_variants(set(variants), usual))
    by_score = measurements["score"] == measurements["method"].map(scores)
    chosen = measurements[
        measurements["metric"].isin(metrics)
        & measurements["status"].isin(WITH_VALUE)
        & (by_score | (measurements["score"] == ""))
        & ~measurements["condition"].isin(subsets)
        & (compared | ~measurements["condition"].isin(single))
    ]
    wide = chosen.pivot_table("value", KEY, "metric", sort=True)
    return wide.reindex(columns=metrics).round(DECIMALS).rename_axis(columns=None).reset_index()


def _is_drawn(metric: Metric) -> bool:
    """Those of the main table, at a coverage, or with a value that they should have."""
    return metric.shown != "detail" or metric.coverage < 1 or not math.isnan(metric.nominal)
