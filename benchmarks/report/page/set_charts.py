"""The charts of prediction sets: their coverage against the severity of a shift."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from benchmarks.records import where
from benchmarks.report.figures.set_coverage import finding
from benchmarks.report.figures.severity import lines, scale_of
from benchmarks.report.names import Variant
from benchmarks.report.numbers.replicates import of_replicates
from benchmarks.report.page.chart import Chart
from benchmarks.report.page.chart_sections import severity_chart
from benchmarks.report.results import Results
from benchmarks.report.style import Look


class SetCoverage(NamedTuple):
    """The charts of one group of conditions, one a score and level, and what they show."""

    group: str
    finding: str
    charts: tuple[Chart, ...]


def set_coverages(results: Results, looks: Mapping[Variant, Look]) -> list[SetCoverage]:
    """Of each group of severities, with a line at the nominal coverage."""
    metrics = [one for one in results.names.nouns.metrics if not math.isnan(one.nominal)]
    shown = []
    for group in results.severities:
        numbers, scale = lines(results, group, metrics), scale_of(results, group)
        if numbers["severity"].nunique() < 2:
            continue
        thin, charts = of_replicates(results, numbers, "severity"), list[Chart]()
        measured = [one for one in metrics if one.name in set(numbers["metric"])]
        for metric in measured:
            of_metric, each = (where(table, metric=metric.name) for table in (numbers, thin))
            chart = severity_chart(of_metric, each, metric.name, scale, results, looks)
            charts.append(replace(chart, level=chart.y.at(metric.nominal)))
        told = finding(results, numbers, measured[0], scale)
        shown.append(SetCoverage(group, told, tuple(charts)))
    return shown
