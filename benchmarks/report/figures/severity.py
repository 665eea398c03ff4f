"""The main metrics against the severity of each group of conditions, such as an angle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import Printed, Variant
from benchmarks.report.answer.findings import title
from benchmarks.report.editorial import SHIFT_TITLE
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    draw_band,
    legend_below,
    page,
    panels,
    replicates_entry,
    rows_of,
    title_above,
)
from benchmarks.report.numbers.replicates import each, of_replicates, shown_bounds
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, SHADE, Look
from benchmarks.schema import where

COLUMNS = [
    *("method", "members", "metric", "condition", "severity"),
    *("replicates", "value", "lower", "upper"),
]

IN_A_ROW = 4

MOST_TICKS = 5


class Scale(NamedTuple):
    """The axis of a group's severities.

    Attributes:
        label: what it shows, with its unit.
        severities: those with a condition, and 0 for the unchanged images.
        valid_to: the largest severity at which labels are well defined.
        reason: why labels beyond are not; empty where there are no such.
    """

    label: str
    severities: list[float]
    valid_to: float
    reason: str

    @property
    def margin(self) -> float:
        """Beside the first and the last severity, so that markers are whole."""
        return 0.025 * (self.severities[-1] - self.severities[0] or 1.0)

    @property
    def ticks(self) -> tuple[float, ...]:
        """At severities that are evenly spaced, as many as fit."""
        step = -(-len(self.severities) // MOST_TICKS)
        return tuple(self.severities[::step])


def severity_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Of each group of severities a panel a metric."""
    for group in results.severities:
        numbers = lines(results, group)
        if numbers["severity"].nunique() < 2:
            continue
        thin, scale = of_replicates(results, numbers, "severity"), scale_of(results, group)
        metrics = list(dict.fromkeys(numbers["metric"]))
        figure, axes = panels(
            canvas, len(metrics), columns=IN_A_ROW, width=PAGE, height=1.75, sharex=True
        )
        for position, (ax, metric) in enumerate(zip(axes, metrics, strict=True)):
            printed, is_first = results.names.printed(metric), position < IN_A_ROW
            draw(ax, numbers, metric, printed, scale, looks, thin, reason=is_first)
        for ax in axes[:-IN_A_ROW]:
            ax.set_xlabel("")
        legend_below(figure, axes, extra=replicates_entry(thin, "their mean"))
        means = [one for one in results.group_means if results.names.condition(one).group == group]
        title_above(figure, title(results, Quantity(means[0], SHIFT_TITLE)) if means else "")
        yield Drawing(group, figure, numbers)


def scale_of(results: Results, group: str) -> Scale:
    """The axis of a group, from its conditions."""
    conditions = results.severities[group]
    valid = [one.severity for one in conditions if one.labels == "valid"]
    return Scale(
        label=f"{group.capitalize()} ({conditions[0].unit or 'severity'})",
        severities=sorted({0.0, *(one.severity for one in conditions)}),
        valid_to=max(valid, default=0.0),
        reason=next((one.reason for one in conditions if one.labels == "ill-defined"), ""),
    )


def lines(results: Results, group: str) -> pd.DataFrame:
    """The value of each main metric, with its interval, at each severity from the least on.

    The mean of a few replicates has no interval. Without metrics that only the reference has.
    """
    conditions = results.severities[group]
    at = {one.name: one.severity for one in conditions}
    ordered = sorted({conditions[0].reference: 0.0, **at}.items(), key=itemgetter(1))
    rows: list[dict[str, object]] = []
    for metric in results.names.main:
        for variant in results.shown:
            for condition, severity in ordered:
                row = results.find(variant, Quantity(condition, metric.name))
                if row is None or pd.isna(row["value"]):
                    continue
                values = int(row["replicates"]), row["value"], *shown_bounds(row)
                rows.append((*variant, metric.name, condition, severity, *values))
    table = pd.DataFrame(rows, columns=COLUMNS)
    own = table.loc[table["condition"].isin(at), "metric"]
    return table[table["metric"].isin(own)].reset_index(drop=True)


def limits(numbers: pd.DataFrame, thin: pd.DataFrame) -> tuple[float, float]:
    """The ends of the axis of values: from 0, or the least value, to a little above the highest.

    Args:
        thin: the replicates' values, all of which are shown, too.
    """
    values = pd.concat([numbers["value"], numbers["upper"], thin["value"]])
    values = values[values.abs() < math.inf]
    low, high = min(0.0, float(values.min())), float(values.max())
    return low, low + 1.05 * (high - low) or 1.0


def draw(
    ax: Axes,
    numbers: pd.DataFrame,
    metric: str,
    printed: Printed,
    scale: Scale,
    looks: Mapping[Variant, Look],
    thin: pd.DataFrame,
    *,
    reason: bool = True,
) -> Axes:
    """One metric: a line a method, and a band where there is an interval.

    Infinite values have no place; the methods that have some are named instead.

    Args:
        thin: the values of each replicate; see `of_replicates`.
        reason: whether to write above the shaded range why it is shaded.
    """
    first, last = scale.severities[0] - scale.margin, scale.severities[-1] + scale.margin
    if scale.reason:
        ax.axvspan(scale.valid_to, last, color=SHADE, linewidth=0, zorder=0)
        if reason:
            middle, above = (scale.valid_to + last) / 2, ax.get_xaxis_transform()
            text = f"labels ill-defined:\n{scale.reason}"
            ax.text(middle, 1.02, text, transform=above, ha="center", fontsize="x-small")
    for variant, look in looks.items():
        line = rows_of(numbers, variant, metric=metric)
        if not line.empty:
            for one in each(rows_of(thin, variant, metric=metric)):
                ax.plot(one["severity"], one["value"], **look.thin)
            ax.plot(line["severity"], line["value"], **look.line)
            draw_band(ax, line, "severity", look)
    infinite = where(numbers[numbers["value"] == math.inf], metric=metric)
    named = [look.label for variant, look in looks.items() if len(rows_of(infinite, variant))]
    if named:
        text = "\n".join(("not drawn where infinite:", *named))
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize="x-small")
    ax.set_ylim(*limits(where(numbers, metric=metric), where(thin, metric=metric)))
    ax.set_xlim(first, last)
    ax.set_xticks(scale.ticks)
    ax.set(xlabel=scale.label, ylabel=printed.axis_label)
    return ax
