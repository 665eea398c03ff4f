"""The cells of tables of costs: latency and resources, and what each size of a method gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import Pivot, Place, heading, value_cell
from benchmarks.report.tables.table import Cell
from benchmarks.report.timings import (
    ENGINES,
    NOT_TIMED,
    Setup,
    ends,
    engines,
    main_setup,
    row_of,
    timed,
)
from benchmarks.schema import where

NOT_COUNTED = "methods that do more than evaluate their networks are not counted"
NOT_TRAINED = "no network of this run was trained by this engine on this device"
"""Why there is no number."""

RESOURCES = {
    "Training (s)": ("training_s", 1, NOT_TRAINED),
    "Fitting (s)": ("fit_s", 1, ""),
    "Peak memory (MB)": ("peak_memory_mb", 1, "measured on Linux with the GNU C library alone"),
    "Thousand images per second": ("images_per_s", 1e3, ""),
}
"""What differs between engines: the column, the unit, and why there may be no number."""


def latency(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The median in milliseconds of each method’s largest size, by device and batch size."""
    if results.latency.empty:
        return
    table, names = _largest(where(results.latency, score="")), results.names
    for (device, method), rows in table.groupby([_labels(table), "method"], sort=False):
        contestant = names.natural(Contestant(str(method), str(max(rows["members"], key=len))))
        place = {"Device": (device, str(device)), "Method": (contestant, names.label(contestant))}
        yield from _placed(place, _times(rows, table))


def score_latency(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """What each score of logits or features takes to fit and to compute."""
    if results.latency.empty:
        return
    table = results.latency[results.latency["score"] != ""]
    for (device, score), rows in table.groupby([_labels(table), "score"], sort=False):
        label = results.names.score(str(score)).label
        place = {"Device": (device, str(device)), "Score": (score, label)}
        fitting = _number(rows.iloc[0]["fit_s"])
        yield from _placed(place, {"Fitting\n(s)": fitting, **_times(rows, table)})


def resources(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """Weights, multiply-adds, times, memory and throughput of each method’s largest size."""
    setup, names = main_setup(results.latency), results.names
    if setup is None:
        return
    table = _largest(where(results.latency, score=""))
    most = ends(table)[-1]
    by_engine = {
        engine: where(timed(table, setup, engine), batch_size=most)
        for engine in engines(table, setup)
    }
    sizes = pd.concat(by_engine.values())[["method", "members"]].drop_duplicates()
    for pair in sizes.itertuples(index=False):
        contestant = names.natural(Contestant(*pair))
        measured = {engine: row_of(rows, contestant, most) for engine, rows in by_engine.items()}
        first = next(row for row in measured.values() if row is not None)
        cells = {
            "Parameters\n(thousands)": _number(first["parameters"] / 1e3),
            "Multiply-adds\n(millions per image)": _number(
                first["multiply_adds"] / 1e6, NOT_COUNTED
            ),
        }
        for (text, (column, unit, reason)), engine in product(RESOURCES.items(), by_engine):
            if by_engine[engine][column].notna().any():
                row = measured[engine]
                cells[f"{text}\n{ENGINES[engine]}"] = (
                    Cell(reason=NOT_TIMED) if row is None else _number(row[column] / unit, reason)
                )
        place = {"Device": (setup, setup.label), "Method": (contestant, names.label(contestant))}
        yield from _placed(place, cells)


def sizes(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The headline and the latency of each size of the methods that were measured at several."""
    table, names = results.latency, results.names
    setup = main_setup(table)
    for full in results.largest:
        own = [v for v in results.contestants if v.method == full.method]
        own = [v for v in own if names.each(v) == names.each(full)]
        for contestant in own if len(own) > 1 else ():
            place = {
                "Method": (full.method, names.method(full.method).label),
                "Size": (contestant, names.size(contestant)),
            }
            cells = {
                heading(results, q): value_cell(results, contestant, q) for q in results.headline
            }
            for engine in engines(table, setup):
                for size in ends(table):
                    row = row_of(timed(table, setup, engine), contestant, size)
                    cell = Cell(reason=NOT_TIMED) if row is None else median_cell(row)
                    cells[f"{ENGINES[engine]} (ms)\n{images_text(size)}"] = cell
            yield from _placed(place, cells)


def median_cell(row: Mapping[str, Any] | pd.Series[Any]) -> Cell:
    """The median latency in milliseconds of a row of `latency.csv`."""
    half_width = (row["p50_upper_ms"] - row["p50_lower_ms"]) / 2
    return Cell(row["p50_ms"], half_width, row["status"], row["reason"])


def images_text(count: int) -> str:
    """A number of images in words: ``1 image``, ``64 images``."""
    return f"{count:,} image{'s' if count > 1 else ''}"


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method’s largest size, and those without a size."""
    size = pd.to_numeric(table["members"], errors="coerce")
    largest = size.groupby(table["method"]).transform("max")
    return table[size.isna() | (size == largest)]


def _labels(table: pd.DataFrame) -> pd.Series[str]:
    """Where each row was timed."""
    setups = table[list(Setup._fields)].itertuples(index=False, name=None)
    return pd.Series([Setup(*setup).label for setup in setups], table.index, dtype=object)


def _times(rows: pd.DataFrame, table: pd.DataFrame) -> dict[str, Cell]:
    """The medians by each engine and at each batch size that the table has."""
    cells = {}
    for engine, size in product(ENGINES, sorted(set(table["batch_size"]))):
        if len(where(table, engine=engine, batch_size=size)):
            own = where(rows, engine=engine, batch_size=size)
            cell = Cell(reason=NOT_TIMED) if own.empty else median_cell(own.iloc[0])
            cells[f"{ENGINES[engine]}\n{images_text(size)}"] = cell
    return cells


def _number(value: float, reason: str = "") -> Cell:
    return Cell(reason=reason) if math.isnan(value) else Cell(value, status="ok")


def _placed(place: Place, cells: Mapping[str, Cell]) -> Iterator[tuple[Place, Cell]]:
    """The cells of a row by the headings of their columns."""
    for text, cell in cells.items():
        yield {**place, "Cost": (text, text)}, cell
