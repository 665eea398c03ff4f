"""The register of metrics, one family a file; adding a metric is a `Metric` and a line here.

README.md compares the convention of each with those of other libraries and papers.
"""

from __future__ import annotations

from benchmarks.metrics import (
    calibration,
    conformal,
    detection,
    recalibrated,
    scoring,
    selective,
    uncertainties,
)
from benchmarks.metrics.metric import Family, Metric, MetricInputs, in_families

__all__ = ["METRICS", "Family", "Metric", "MetricInputs", "in_families"]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *scoring.METRICS,
        *calibration.METRICS,
        *recalibrated.METRICS,
        *conformal.METRICS,
        *uncertainties.METRICS,
        *detection.METRICS,
        *selective.METRICS,
        *uncertainties.VOTE_SHARE_METRICS,
        *detection.COUNT_METRICS,
    )
}
"""By name, in the order in which they are shown."""
