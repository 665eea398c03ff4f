"""The table of costs: time, training, memory and size of each method and score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import BUDGET, Pivot, Placed
from benchmarks.report.tables.table import Cell
from benchmarks.report.timings import ENGINES, PYTORCH, Setup, ends
from benchmarks.schema import where

RESOURCES = {
    "Fitting\n(s)": ("fit_s", 1, ""),
    "Peak memory\n(MB)": ("peak_memory_mb", 1, "measured on Linux with the GNU C library alone"),
    "Parameters\n(thousands)": ("parameters", 1e3, ""),
    "Multiply-adds\n(millions per image)": (
        "multiply_adds",
        1e6,
        "methods that do more than evaluate their networks are not counted",
    ),
}
"""The columns beside times: the column of ``latency.csv``, the unit, and why there is no number."""


def cost(results: Results, _: Pivot) -> Iterator[Placed]:
    """What each method takes at its largest size, and each score of one network, by device."""
    if results.latency.empty:
        return
    table, names = _largest(results.latency), results.names
    setups = table[list(Setup._fields)].itertuples(index=False, name=None)
    devices = pd.Series([Setup(*setup).label for setup in setups], table.index, dtype=object)
    for key, rows in table.groupby([devices, "method", "members", "score"], sort=False):
        device, method, size, score = map(str, key)
        contestant = names.natural(Contestant(method, size, score=score))
        label = results.label(contestant) if contestant.score else names.label(contestant)
        axes = {BUDGET: ("", ""), "Device": (device, device), "Method": (contestant, label)}
        for text, cell in _costs(rows, ends(table)).items():
            yield {**axes, "Cost": (text, text)}, cell


def _costs(rows: pd.DataFrame, batch_sizes: list[int]) -> dict[str, Cell | None]:
    """Medians and training by each engine, the rest by PyTorch."""
    cells: dict[str, Cell | None] = {}
    for (engine, name), size in product(ENGINES.items(), batch_sizes):
        own = where(rows, engine=engine, batch_size=size)
        images = f"{size:,} image{'s' if size > 1 else ''}"
        cells[f"{name} (ms)\n{images}"] = None if own.empty else _median_cell(own.iloc[0])
    for engine, name in ENGINES.items():
        seconds = where(rows, engine=engine)["training_s"].dropna()
        cells[f"Training (s)\n{name}"] = None if seconds.empty else _number(seconds.iloc[-1])
    own = where(rows, engine=PYTORCH, batch_size=batch_sizes[-1])
    for text, (column, unit, reason) in RESOURCES.items():
        cells[text] = None if own.empty else _number(own[column].iloc[0] / unit, reason)
    return cells


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method’s largest size, and those without a size."""
    size = pd.to_numeric(table["members"], errors="coerce")
    largest = size.groupby(table["method"]).transform("max")
    return table[size.isna() | (size == largest)]


def _median_cell(row: pd.Series) -> Cell:
    half_width = (row["p50_upper_ms"] - row["p50_lower_ms"]) / 2
    return Cell(row["p50_ms"], half_width, row["status"], row["reason"])


def _number(value: float, reason: str = "") -> Cell:
    return Cell(reason=reason) if math.isnan(value) else Cell(value, status="ok")
