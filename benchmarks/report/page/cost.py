"""Quality against latency, by number of passes or members, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.errors import UserError
from benchmarks.records import read_table
from benchmarks.report.names import Names, Variant
from benchmarks.report.number_format import rounded
from benchmarks.report.numbers.cost import COLUMNS, apart, front_finding
from benchmarks.report.numbers.replicates import of_replicates, with_ranges
from benchmarks.report.page.chart import (
    Axis,
    Chart,
    Line,
    Point,
    line,
    log_axis,
    path,
    range_of,
    y_axis,
)
from benchmarks.report.results import Results
from benchmarks.report.style import Look, look_in

NOTE = 22, 12
"""Width and height of the number beside a point, in pixels."""


class Cost(NamedTuple):
    """The charts of one size of batches, one a measure.

    Attributes:
        batch: how many images a batch holds.
        machine: on which it was timed.
        times: the median latency of each method's largest size.
        finding: the methods that reach the Pareto front of the first measure.
    """

    batch: str
    machine: str
    times: str
    finding: str
    charts: tuple[Chart, ...]


def costs(numbers: Path, results: Results, looks: Mapping[Variant, Look]) -> list[Cost]:
    """A group of charts a size of batches, from the numbers of the figure, if there are such.

    Vertical lines are the ranges of replicates.
    """
    names = results.names
    if not numbers.exists():
        return []
    points = read_table(numbers)
    if missing := [name for name in COLUMNS if name not in points]:
        raise UserError(f"{numbers} is damaged: it has no column {missing[0]!r}; delete it")
    thin = of_replicates(results, points, "batch_size")
    points = with_ranges(points, thin, "metric", "condition", "batch_size")
    return [
        Cost(
            "Single images" if size == 1 else f"Batches of {size:,.0f} images",
            _machine(rows.iloc[0]),
            _times(rows, names),
            front_finding(rows, names),
            tuple(
                _chart(of_measure, names, str(metric), str(condition), looks)
                for (metric, condition), of_measure in rows.groupby(
                    ["metric", "condition"], sort=False
                )
            ),
        )
        for size, rows in points.groupby("batch_size")
    ]


def _machine(row: pd.Series) -> str:
    return f"{row['device_name']}, engine {row['engine']}, threads {row['threads']:g}"


def _times(rows: pd.DataFrame, names: Names) -> str:
    pairs = rows[["method", "members", "p50_ms"]].drop_duplicates(["method", "members"])
    medians = {Variant(*variant): ms for *variant, ms in pairs.itertuples(index=False)}
    largest = {variant.method: variant for variant in sorted(medians, key=names.rank)}
    return ", ".join(f"{_milliseconds(medians[v])} ({names.label(v)})" for v in largest.values())


def _milliseconds(value: float) -> str:
    """Three digits, and never an exponent.

    >>> _milliseconds(0.012346), _milliseconds(118.4), _milliseconds(12345.6)
    ('0.0123 ms', '118 ms', '12,300 ms')
    """
    return f"{float(f'{value:.3g}'):,.12g} ms"


def _chart(
    rows: pd.DataFrame, names: Names, metric: str, condition: str, looks: Mapping[Variant, Look]
) -> Chart:
    spread = rows[["value", "lower", "upper"]]
    low, high = float(np.nanmin(spread)), float(np.nanmax(spread))
    margin = 0.08 * (high - low) or 0.1
    x = log_axis("Milliseconds (median)", rows["p50_ms"].min() / 1.5, rows["p50_ms"].max() * 1.5)
    printed = names.printed(metric)
    y = y_axis(printed.axis_title, low - margin, high + margin)
    title = f"{printed.title}, {names.condition(condition).label}"
    return Chart(
        title=title,
        description=f"{title}, against median latency; the Pareto front is a grey line",
        x=x,
        y=y,
        lines=_without_overlaps(_lines(rows, names, x, y, looks)),
        front=path(
            (x.at(row["p50_ms"]), y.at(row["value"]))
            for row in rows[rows["pareto"]].sort_values("p50_ms").to_dict("records")
        )
        + "h0",  # so that one point alone is drawn as well
    )


def _without_overlaps(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The same lines; a note that would lie over another is left to its tooltip."""
    places = [(mark.x, mark.y) for line in lines for mark in line.marks if mark.note]
    has_room = iter(apart(places, NOTE))
    return tuple(
        replace(
            line,
            marks=tuple(
                mark if not mark.note or next(has_room) else mark._replace(note="")
                for mark in line.marks
            ),
        )
        for line in lines
    )


def _lines(
    rows: pd.DataFrame, names: Names, x: Axis, y: Axis, looks: Mapping[Variant, Look]
) -> list[Line]:
    """A line a method over its sizes, with the switch of the largest of them."""
    lines = []
    for method, of_method in rows.groupby("method", sort=False):
        variants = [Variant(str(method), members) for members in of_method["members"]]
        largest = max(variants, key=names.rank)
        ordered = of_method.sort_values("p50_ms").to_dict("records")
        ranges = [
            [(row["p50_ms"], row[end]) for end in ("least", "most")]
            for row in ordered
            if not math.isnan(row["of"])
        ]
        points = map(partial(_point, names), ordered)
        lines.append(line(look_in(looks, largest), largest, points, x, y, ranges))
    return lines


def _point(names: Names, row: Mapping[Any, Any]) -> Point:
    half = (row["upper"] - row["lower"]) / 2
    value, spread = rounded(row["value"], half if math.isfinite(half) else math.nan)
    size = names.label(Variant(str(row["method"]), str(row["members"])))
    tip = f"{size}: {value}{f' ± {spread}' if spread else ''} in {_milliseconds(row['p50_ms'])}"
    tip += range_of(row) + (", on the front" if row["pareto"] else "")
    note = str(row["members"]) if row["members"] != "1" else ""
    return Point(row["p50_ms"], row["value"], tip=tip, note=note)
