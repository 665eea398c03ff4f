"""The charts of sections: severities, calibration, detection and selective prediction."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.records import where
from benchmarks.report.figures.abstaining import X_LABEL, Y_LABEL
from benchmarks.report.figures.curves.reliability import ACCURACY_BAND, drawn_bins, full_bins
from benchmarks.report.figures.drawing import conditions_in, drawn_curves, rows_of, scores_in
from benchmarks.report.figures.severity import Scale, limits, lines, scale_of
from benchmarks.report.names import Variant
from benchmarks.report.number_format import rounded
from benchmarks.report.numbers.abstaining import errors, finding, replicate_errors
from benchmarks.report.numbers.replicates import each, of_replicates, with_ranges
from benchmarks.report.page.chart import (
    Axis,
    Chart,
    Line,
    Point,
    line,
    log_axis,
    path,
    range_of,
    x_axis,
    y_axis,
)
from benchmarks.report.results import Results
from benchmarks.report.style import Look
from benchmarks.report.tables.abstaining import abstaining_table
from benchmarks.report.tables.table import Table

MARKERS = 6
"""About so many points of a ROC curve have a marker with a tooltip."""

LEAST_FLAGGED = 0.001
"""The share of clean images where the logarithmic axis of ROC curves begins."""

MOST = 3
"""Charts of a section; the figures, which the page links to, have all."""


class Detection(NamedTuple):
    """The charts of one score, one a set of out-of-distribution images."""

    score: str
    label: str
    charts: Sequence[Chart]


class Severity(NamedTuple):
    """The charts of one group of conditions, one a metric.

    Attributes:
        reason: why labels of the shaded range are ill-defined; empty where nothing is shaded.
    """

    group: str
    reason: str
    charts: Sequence[Chart]


class Abstaining(NamedTuple):
    """Selective prediction: what is found, a chart a condition, and the table."""

    finding: str
    charts: Sequence[Chart]
    table: Table


def severities(results: Results, looks: Mapping[Variant, Look]) -> dict[str, Severity]:
    """By group, a chart of each metric against the severity."""
    shown = {}
    for group in results.severities:
        numbers, scale = lines(results, group), scale_of(results, group)
        if numbers["severity"].nunique() > 1:
            thin = of_replicates(results, numbers, "severity")
            measured = set(numbers["metric"])
            main = [one.name for one in results.names.main if one.name in measured]
            charts = [
                severity_chart(
                    where(numbers, metric=metric),
                    where(thin, metric=metric),
                    *(metric, scale, results, looks),
                )
                for metric in main[: -(-MOST // len(results.severities))]
            ]
            shown[group] = Severity(group, scale.reason, charts)
    return shown


def reliability_charts(results: Results, looks: Mapping[Variant, Look]) -> list[Chart]:
    """A chart a condition; bins of few images are left out."""
    bins = results.curve("reliability")
    return [
        _reliability_chart(results.label_of(c), where(bins, condition=c), looks)
        for c in conditions_in(bins, results.names)[:2]
    ]


def detections(results: Results, looks: Mapping[Variant, Look]) -> list[Detection]:
    """A group of ROC curves a score."""
    points = results.curve("roc")
    return [
        Detection(
            score,
            results.names.score(score).label,
            [
                _roc_chart(results.label_of(condition), of_score, looks)
                for condition in results.ood[:MOST]
                if not (of_score := where(points, score=score, condition=condition)).empty
            ],
        )
        for score in scores_in(points, results.names)
    ]


def abstaining(results: Results, recipe: str, looks: Mapping[Variant, Look]) -> Abstaining | None:
    """The error against the images that methods abstain on, where a run has measured it."""
    numbers, table = errors(results), abstaining_table(results, recipe)
    if table is None or numbers["abstained"].nunique() < 2:
        return None
    thin = replicate_errors(results, numbers)
    charts = [
        _abstaining_chart(
            results.label_of(condition),
            where(numbers, condition=condition),
            where(thin, condition=condition),
            looks,
        )
        for condition in list(dict.fromkeys(numbers["condition"]))[:2]
    ]
    return Abstaining(finding(results, numbers), charts, table)


def _abstaining_chart(
    title: str, numbers: pd.DataFrame, thin: pd.DataFrame, looks: Mapping[Variant, Look]
) -> Chart:
    shares = sorted(set(numbers["abstained"]))
    highest = pd.concat([numbers["upper"], numbers["error"], thin["error"]]).max()
    x = x_axis(X_LABEL, 0, shares[-1], ticks_at=tuple(shares))
    y = y_axis(Y_LABEL, 0, 1.05 * highest or 1.0)
    return Chart(
        title=title,
        description=f"{Y_LABEL} against {X_LABEL.lower()}, {title}",
        x=x,
        y=y,
        lines=_lines(
            numbers, thin, ("abstained", "error"), looks, x, y, partial(map, _abstaining_point)
        ),
    )


def _abstaining_point(row: Mapping[Any, Any]) -> Point:
    value, half = rounded(row["error"], (row["upper"] - row["lower"]) / 2)
    error = f"{value} ± {half} %" if half else f"{value} %"
    tip = f"Abstaining on {row['abstained']:g} %: error {error}"
    return Point(row["abstained"], row["error"], row["lower"], row["upper"], tip)


def severity_chart(
    numbers: pd.DataFrame,
    thin: pd.DataFrame,
    metric: str,
    scale: Scale,
    results: Results,
    looks: Mapping[Variant, Look],
) -> Chart:
    """A metric against the severity of a group's conditions; ``thin``: that of each replicate."""
    printed = results.names.printed(metric)
    point = partial(_severity_point, results.label_of)
    first, last = scale.severities[0] - scale.margin, scale.severities[-1] + scale.margin
    x = x_axis(scale.label, first, last, ticks_at=scale.ticks)
    y = y_axis(printed.axis_label, *limits(numbers, thin))
    numbers = with_ranges(numbers, thin, "severity")
    return Chart(
        title=printed.title,
        description=f"{printed.axis_label} against {scale.label.lower()}",
        x=x,
        y=y,
        lines=_lines(numbers, thin, ("severity", "value"), looks, x, y, partial(map, point)),
        shaded=(x.at(scale.valid_to), x.end) if scale.reason else None,
    )


def _reliability_chart(title: str, bins: pd.DataFrame, looks: Mapping[Variant, Look]) -> Chart:
    x, y = x_axis("Confidence", 0, 1), y_axis("Accuracy", 0, 1)
    means, at = drawn_bins(bins).dropna(subset="accuracy"), ("confidence", "accuracy")
    return Chart(
        title=title,
        description=f"Accuracy against confidence, {title}; the diagonal is perfect calibration",
        x=x,
        y=y,
        lines=_lines(means, full_bins(bins), at, looks, x, y, partial(map, _reliability_point)),
        dotted=path((x.at(end), y.at(end)) for end in (0, 1)),
    )


def _roc_chart(title: str, points: pd.DataFrame, looks: Mapping[Variant, Look]) -> Chart:
    x = log_axis("Share of clean images flagged", LEAST_FLAGGED, 1)
    y, at = y_axis("Share of OOD images flagged", 0, 1), ("flagged_clean", "flagged")
    points = points.assign(flagged_clean=points["flagged_clean"].clip(lower=LEAST_FLAGGED))
    chance = [LEAST_FLAGGED ** (1 - step / 20) for step in range(21)]
    return Chart(
        title=title,
        description=f"ROC curves, {title} against clean images; the dotted line is chance",
        x=x,
        y=y,
        lines=_lines(drawn_curves(points, *at), points, at, looks, x, y, _roc_points),
        dotted=path((x.at(share), y.at(share)) for share in chance),
    )


Rows = Sequence[Mapping[Any, Any]]


def _lines(
    means: pd.DataFrame,
    replicates: pd.DataFrame,
    at: tuple[str, str],
    looks: Mapping[Variant, Look],
    x: Axis,
    y: Axis,
    points: Callable[[Rows], Iterable[Point]],
) -> tuple[Line, ...]:
    """A line a method that has rows in a table, through the points of these.

    Args:
        replicates: the rows of single replicates, whose lines go through the columns ``at``.
    """
    return tuple(
        line(
            *(look, variant, points(rows.to_dict("records")), x, y),
            [one[list(at)].to_numpy(float) for one in each(rows_of(replicates, variant))],
        )
        for variant, look in looks.items()
        if not (rows := rows_of(means, variant)).empty
    )


def _severity_point(label_of: Callable[[str], str], row: Mapping[Any, Any]) -> Point:
    value, half = rounded(row["value"], (row["upper"] - row["lower"]) / 2)
    tip = f"{label_of(row['condition'])}: {value}" + (f" ± {half}" if half else "")
    return Point(row["severity"], row["value"], row["lower"], row["upper"], tip + range_of(row))


def _reliability_point(row: Mapping[Any, Any]) -> Point:
    lower, upper = (row[column] for column in ACCURACY_BAND)
    tip = (
        f"{row['count']:,.0f} images of confidence {row['confidence']:.3f}: "
        f"accuracy {row['accuracy']:.3f}"
    )
    interval = f" ({lower:.3f} to {upper:.3f})" if math.isfinite(lower) else ""
    return Point(row["confidence"], row["accuracy"], lower, upper, tip + interval)


def _roc_points(rows: Rows) -> list[Point]:
    every = max(1, len(rows) // MARKERS)
    return [_roc_point(row, has_marker=i % every == every // 2) for i, row in enumerate(rows)]


def _roc_point(row: Mapping[Any, Any], *, has_marker: bool) -> Point:
    clean, flagged = row["flagged_clean"], row["flagged"]
    lower, upper = row["lower"], row["upper"]
    interval = f" ({100 * lower:.1f} to {100 * upper:.1f})" if math.isfinite(lower) else ""
    tip = f"{100 * flagged:.1f} %{interval} flagged, and {100 * clean:.1f} % of the clean images"
    return Point(clean, flagged, lower, upper, tip if has_marker else "")
