"""The tables of what methods cost: latency by device and batch size, and resources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.nouns import Names, Variant
from benchmarks.report.numbers.cost import Setup, batch_sizes, main_setup, milliseconds, of_setup
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import SELF_TRAINED

DEVICE_CLOCK = "device"

NOT_TIMED = "not timed"
TOO_FEW_CALLS = "too few calls for this percentile"

MEASURED = (
    "Median time of one call of predict; ± is half the width of its 95 % interval. The kernels "
    "always use one thread. How methods are timed: docs/latency.md.",
)
COUNTED = (
    "Multiply-adds follow from the definition of the networks; engines may compute fewer. Training "
    "is the sum of the wall times of all networks that the method uses; fitting comes on top.",
)
NOT_COUNTED = "methods that do more than evaluate their networks are not counted"
SCORES_MEASURED = (
    "From images, the forward pass of the network included. Fitting takes as many images as the "
    "task has for training."
)
NOT_TRAINED = "no network of this run was trained by this engine on this device"


def latency_table(latency: pd.DataFrame, names: Names) -> Table:
    """Milliseconds of each method’s largest size, by device and batch size."""
    sizes = sorted({int(size) for size in latency["batch_size"].dropna()})
    groups = _largest(latency).groupby([*Setup._fields, "clock"], sort=False, dropna=False)
    return Table(
        name="latency",
        caption="Median latency in milliseconds, by batch size.",
        group_heading="Device",
        label_headings=("Method",),
        headings=tuple(f"{size:,}" + ("\nimage" if size == 1 else "\nimages") for size in sizes),
        rows=tuple(
            Row(
                _device(group.iloc[0]),
                (names.label(Variant(str(method), _members(rows))),),
                tuple(_time(rows, size) for size in sizes),
            )
            for _, group in groups
            for method, rows in group.groupby("method", sort=False)
        ),
        remarks=MEASURED,
    )


def resources_table(latency: pd.DataFrame, names: Names, setup: Setup) -> Table:
    """Weights, multiply-adds, memory, tail latency and throughput of each method’s largest size."""
    first, *_, last = batch_sizes(latency) * 2
    rows = _largest(latency)
    rows = of_setup(rows[(rows["batch_size"] == last) & (rows["clock"] == "wall")], setup)
    return Table(
        name="resources",
        caption=f"Resources of each method; times and memory on {setup.label}.",
        group_heading="",
        label_headings=("Method",),
        headings=(
            "Parameters\n(thousands)",
            "Weights\n(MB)",
            "Training\n(s)",
            "Fitting\n(s)",
            "Further state\n(MB)",
            "Multiply-adds\n(millions per image)",
            f"Peak memory (MB)\n{images_text(last)}",
            *(f"p{percent} (ms)\n{images_text(first)}" for percent in (90, 99)),
            f"Thousand images\nper second, {images_text(last)}",
        ),
        rows=tuple(_resources_row(latency, names, setup, row, first) for _, row in rows.iterrows()),
        remarks=COUNTED,
    )


def score_latency_table(latency: pd.DataFrame, names: Names) -> Table:
    """What each score of logits or features takes to fit, holds and takes to compute."""
    sizes = sorted(set(latency["batch_size"]))
    return Table(
        name="latency-scores",
        caption="Cost of each score of one network; its median latency in milliseconds, by batch "
        "size.",
        group_heading="Device",
        label_headings=("Score",),
        headings=(
            *("Fitting\n(s)", "State\n(MB)"),
            *(images_text(size).replace(" ", "\n") for size in sizes),
        ),
        rows=tuple(
            Row(
                _device_of_score(of_score.iloc[0]),
                (names.score(str(score)).label,),
                (
                    _number(of_score["fit_s"].iloc[0]),
                    _number(of_score["state_bytes"].iloc[0] / 1e6),
                    *(_time(of_score, size) for size in sizes),
                ),
            )
            for score, of_score in latency.groupby("score", sort=False)
        ),
        remarks=(SCORES_MEASURED,),
    )


def _device_of_score(row: pd.Series[Any]) -> str:
    return Setup(*(row[name] for name in Setup._fields)).label


def latency_tables(
    latency: pd.DataFrame, names: Names, of_scores: pd.DataFrame | None = None
) -> Iterator[Table]:
    """Those that need timings alone."""
    if of_scores is not None and not of_scores.empty:
        yield score_latency_table(of_scores, names)
    if latency.empty:
        return
    yield latency_table(latency, names)
    if (setup := main_setup(latency)) is not None:
        yield resources_table(latency, names, setup)


def _largest(latency: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method’s largest size, and those without a size."""
    size = pd.to_numeric(latency["members"], errors="coerce")
    largest = size.groupby(latency["method"]).transform("max")
    return latency[size.isna() | (size == largest)]


def _members(rows: pd.DataFrame) -> str:
    """The size of a method’s rows; empty where nothing was timed."""
    return str(max(rows["members"], key=len))


def _device(row: pd.Series[Any]) -> str:
    setup = Setup(*(row[name] for name in Setup._fields))
    if not setup.device_name:
        return "CPU (kernels)" if setup.device == "cpu" else "GPU"
    return setup.label + (", the device’s own clock" if row["clock"] == DEVICE_CLOCK else "")


def _time(rows: pd.DataFrame, batch_size: int) -> Cell:
    """The median at this batch size, or the reason why there is none."""
    of_size = rows[rows["batch_size"].isna() | (rows["batch_size"] == batch_size)]
    return Cell(reason=NOT_TIMED) if of_size.empty else median_cell(of_size.iloc[0])


def median_cell(row: Mapping[str, Any] | pd.Series[Any]) -> Cell:
    """The median latency in milliseconds of a row of `latency.csv`."""
    half_width = (row["p50_upper_ms"] - row["p50_lower_ms"]) / 2
    is_told = row["status"] != "ok" or row["engine"] == SELF_TRAINED
    return Cell(row["p50_ms"], half_width, row["status"], row["reason"] if is_told else "")


def _number(value: float, reason: str = "") -> Cell:
    return Cell(reason=reason) if math.isnan(value) else Cell(value, status="ok")


def _resources_row(
    latency: pd.DataFrame, names: Names, setup: Setup, row: pd.Series[Any], batch_size: int
) -> Row:
    """A method’s row at the largest batch size, with the tails of its times at this one."""
    variant = Variant(row["method"], row["members"])
    short = milliseconds(latency, setup, variant, batch_size)
    tails = (
        [Cell(reason=NOT_TIMED)] * 2
        if short is None
        else [_number(short[name], TOO_FEW_CALLS) for name in ("p90_ms", "p99_ms")]
    )
    cells = (
        _number(row["parameters"] / 1e3),
        _number(row["weight_bytes"] / 1e6),
        # Timings of before it was noted lack the column.
        _number(row.get("training_s", math.nan), NOT_TRAINED),
        _number(row.get("fit_s", math.nan)),
        _number(row.get("state_bytes", math.nan) / 1e6),
        _number(row["multiply_adds"] / 1e6, NOT_COUNTED),
        _number(row["peak_memory_mb"], row["reason"]),
        *tails,
        _number(row["images_per_s"] / 1e3),
    )
    return Row("", (names.label(variant),), cells)


def images_text(count: int) -> str:
    """A number of images in words: ``1 image``, ``64 images``."""
    return f"{count:,} image" + ("s" if count > 1 else "")
