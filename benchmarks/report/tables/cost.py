"""The cells of tables of costs: latency and resources, and what each size of a method gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import Pivot, Place, heading, value_cell
from benchmarks.report.tables.table import Cell
from benchmarks.report.timings import Setup, batch_sizes, in_setup, main_setup, milliseconds
from benchmarks.vocabulary import SELF_TRAINED

NOT_TIMED = "not timed"
TOO_FEW_CALLS = "too few calls for this percentile"
NOT_COUNTED = "methods that do more than evaluate their networks are not counted"
NOT_TRAINED = "no network of this run was trained by this engine on this device"
"""Why there is no number."""


def latency(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The median in milliseconds of each method’s largest size, by device and batch size."""
    table = results.latency
    if table.empty:
        return
    sizes = sorted({int(size) for size in table["batch_size"].dropna()})
    keys = [*Setup._fields, "clock", "method"]
    for key, rows in _largest(table).groupby(keys, sort=False, dropna=False):
        variant = results.names.natural(
            Contestant(str(key[-1]), str(max(rows["members"], key=len)))
        )
        place = {
            "Device": (device := _device(rows.iloc[0]), device),
            "Method": (variant, results.names.label(variant)),
        }
        for size in sizes:
            yield {**place, "Cost": (size, images_text(size, "\n"))}, _time(rows, size)


def score_latency(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """What each score of logits or features takes to fit, holds and takes to compute."""
    table = results.score_latency
    sizes = sorted(set(table["batch_size"])) if not table.empty else []
    for score, rows in table.groupby("score", sort=False) if sizes else ():
        first = rows.iloc[0]
        device = Setup(*(first[name] for name in Setup._fields)).label
        place = {
            "Device": (device, device),
            "Score": (score, results.names.score(str(score)).label),
        }
        cells = {
            "Fitting\n(s)": _number(first["fit_s"]),
            "State\n(MB)": _number(first["state_bytes"] / 1e6),
            **{images_text(size, "\n"): _time(rows, size) for size in sizes},
        }
        yield from _placed(place, cells)


def resources(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """Weights, multiply-adds, memory, tail latency and throughput of each method’s largest size."""
    setup = main_setup(results.latency)
    if setup is None:
        return
    batches = batch_sizes(results.latency)
    single_image, most = batches[0], batches[-1]
    table = _largest(results.latency)
    table = table[(table["batch_size"] == most) & (table["clock"] == "wall")]
    for row in in_setup(table, setup).to_dict("records"):
        variant = results.names.natural(Contestant(row["method"], row["members"]))
        single = milliseconds(results.latency, setup, variant, single_image)
        tails = {
            f"p{percent} (ms)\n{images_text(single_image)}": Cell(reason=NOT_TIMED)
            if single is None
            else _number(single[f"p{percent}_ms"], TOO_FEW_CALLS)
            for percent in (90, 99)
        }
        cells = {
            "Parameters\n(thousands)": _number(row["parameters"] / 1e3),
            "Weights\n(MB)": _number(row["weight_bytes"] / 1e6),
            "Training\n(s)": _number(row["training_s"], NOT_TRAINED),
            "Fitting\n(s)": _number(row["fit_s"]),
            "Further state\n(MB)": _number(row["state_bytes"] / 1e6),
            "Multiply-adds\n(millions per image)": _number(row["multiply_adds"] / 1e6, NOT_COUNTED),
            f"Peak memory (MB)\n{images_text(most)}": _number(row["peak_memory_mb"], row["reason"]),
            **tails,
            f"Thousand images\nper second, {images_text(most)}": _number(row["images_per_s"] / 1e3),
        }
        place = {"Device": (setup, setup.label), "Method": (variant, results.names.label(variant))}
        yield from _placed(place, cells)


def sizes(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The headline and the latency of each size of the methods that were measured at several."""
    setup, names = main_setup(results.latency), results.names
    for full in results.largest:
        own = [v for v in results.contestants if v.method == full.method]
        own = [v for v in own if names.each(v) == names.each(full)]
        for variant in own if len(own) > 1 else ():
            place = {
                "Method": (full.method, names.method(full.method).label),
                "Size": (variant, names.size(variant)),
            }
            cells = {heading(results, q): value_cell(results, variant, q) for q in results.headline}
            for size in batch_sizes(results.latency) if not results.latency.empty else ():
                row = setup and milliseconds(results.latency, setup, variant, size)
                cell = Cell(reason=NOT_TIMED) if row is None else median_cell(row)
                cells[f"ms\n{images_text(size)}"] = cell
            yield from _placed(place, cells)


def median_cell(row: Mapping[str, Any] | pd.Series[Any]) -> Cell:
    """The median latency in milliseconds of a row of `latency.csv`."""
    half_width = (row["p50_upper_ms"] - row["p50_lower_ms"]) / 2
    is_told = row["status"] != "ok" or row["engine"] == SELF_TRAINED
    return Cell(row["p50_ms"], half_width, row["status"], row["reason"] if is_told else "")


def images_text(count: int, space: str = " ") -> str:
    """A number of images in words: ``1 image``, ``64 images``."""
    return f"{count:,}{space}image{'s' if count > 1 else ''}"


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method’s largest size, and those without a size."""
    size = pd.to_numeric(table["members"], errors="coerce")
    largest = size.groupby(table["method"]).transform("max")
    return table[size.isna() | (size == largest)]


def _device(row: pd.Series[Any]) -> str:
    setup = Setup(*(row[name] for name in Setup._fields))
    if not setup.device_name:
        return "CPU (kernels)" if setup.device == "cpu" else "GPU"
    return setup.label + (", the device’s own clock" if row["clock"] == "device" else "")


def _time(rows: pd.DataFrame, batch_size: int) -> Cell:
    """The median at this batch size, or the reason why there is none."""
    matching = rows[rows["batch_size"].isna() | (rows["batch_size"] == batch_size)]
    return Cell(reason=NOT_TIMED) if matching.empty else median_cell(matching.iloc[0])


def _number(value: float, reason: str = "") -> Cell:
    return Cell(reason=reason) if math.isnan(value) else Cell(value, status="ok")


def _placed(place: Place, cells: Mapping[str, Cell]) -> Iterator[tuple[Place, Cell]]:
    """The cells of a row by the headings of their columns."""
    for text, cell in cells.items():
        yield {**place, "Cost": (text, text)}, cell
