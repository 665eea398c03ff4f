"""Coverage of conformal sets against the severity of a shift: where what they promise ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from benchmarks.nouns import MetricRecord, Variant
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    replicates_entry,
    title_above,
)
from benchmarks.report.figures.severity import Scale, draw, lines, scale_of
from benchmarks.report.numbers.replicates import of_replicates
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look
from benchmarks.schema import where

IN_A_ROW = 3


def set_coverage_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Of each group a panel a metric that has a nominal value, with a line there."""
    metrics = [one for one in results.names.metrics if not math.isnan(one.nominal)]
    for group in results.severities:
        numbers = lines(results, group, metrics)
        if numbers["severity"].nunique() < 2:
            continue
        thin, scale = of_replicates(results, numbers, "severity"), scale_of(results, group)
        shown = [one for one in metrics if one.name in set(numbers["metric"])]
        figure, axes = panels(
            canvas, len(shown), columns=IN_A_ROW, width=PAGE, height=2.0, sharex=True, sharey=True
        )
        for position, (ax, metric) in enumerate(zip(axes, shown, strict=True)):
            printed = results.names.printed(metric.name)
            first_row = position < IN_A_ROW
            draw(ax, numbers, metric.name, printed, scale, looks, thin, reason=first_row)
            ax.axhline(metric.nominal, color="black", linewidth=0.8, linestyle=":", label="nominal")
            ax.set_ylim(0, 1.03)
            ax.set_ylabel(printed.axis_label.replace(", ", ",\n"))
        for ax in axes[:-IN_A_ROW]:
            ax.set_xlabel("")
        legend_below(figure, axes, extra=replicates_entry(thin, "their mean"))
        title_above(figure, finding(results, numbers, shown[0], scale))
        yield Drawing(f"{group}-set-coverage", figure, numbers)


def findings(results: Results) -> dict[str, str]:
    """By group of severities, what its sets cover; as `finding` says it of the first metric."""
    metrics = [one for one in results.names.metrics if not math.isnan(one.nominal)]
    found = {}
    for group in results.severities:
        numbers = lines(results, group, metrics)
        measured = [one for one in metrics if one.name in set(numbers["metric"])]
        if numbers["severity"].nunique() > 1:
            found[group] = finding(results, numbers, measured[0], scale_of(results, group))
    return found


def finding(results: Results, numbers: pd.DataFrame, metric: MetricRecord, scale: Scale) -> str:
    """What the sets of one metric cover unchanged, and at the most severe shift with valid labels.

    Over all methods.
    """
    of_metric = where(numbers, metric=metric.name)
    labelled = of_metric.loc[of_metric["severity"] <= scale.valid_to, "severity"]
    ends = dict.fromkeys((of_metric["severity"].min(), labelled.max()))
    covered = [
        f"{_range(here['value'])} % ({results.label_of(here['condition'].iloc[0]).lower()})"
        for here in (where(of_metric, severity=severity) for severity in ends)
        if not here.empty
    ]
    return f"{metric.label}: {' and '.join(covered)}"


def _range(values: pd.Series) -> str:
    ends = [f"{100 * end:.0f}" for end in (values.min(), values.max())]
    return "–".join(dict.fromkeys(ends))
