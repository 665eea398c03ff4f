"""The tables of what methods cost: latency by device and batch size, resources, and sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.report.cost import (
    OWN_ENGINE,
    Asked,
    Setup,
    batch_sizes,
    main_setup,
    milliseconds,
    needed,
    of_setup,
    tabulated,
)
from benchmarks.report.names import METRICS, Variant, angles_label, condition_label, score_label
from benchmarks.report.results import Results
from benchmarks.report.table import Cell, Row, Table
from benchmarks.vocabulary import ROTATED_MEAN

DEVICE_CLOCK = "device"

NOT_KNOWN = "the full method’s value has no interval"
NOT_TIMED = "not timed"
TOO_FEW_CALLS = "fewer calls were affordable than the percentile needs"

MEASURED = (
    "Median of single calls of predict, after a warm-up, each until the device is idle; ± is half "
    "of the median’s 95 % interval, absent where fewer than six calls were affordable.",
    "Networks with random weights on random images: latency depends on neither.",
    "The kernels use one thread whatever torch is given.",
)
COUNTED = (
    "Multiply-adds are those of the networks as written down; engines find ways to compute fewer.",
    "Training: wall time of each network that the method uses, added up. Networks were trained "
    "with others beside them, as many at a time as the run had jobs, or share the time of all.",
)
NOT_TRAINED = "no network of this run was trained by this engine on this device"
WITHIN_NOISE = (
    "Within noise: neither this size nor any larger one is told to be worse than the full method, "
    "by the 95 % interval of the paired difference; it may be better. More images would tell more "
    "sizes apart.",
)
AT_MOST = ("≤: enough, but the next smaller size has no paired difference to the full one.",)


def latency_table(latency: pd.DataFrame) -> Table:
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
                (Variant(str(method), _members(rows)).label,),
                tuple(_time(rows, size) for size in sizes),
            )
            for _, group in groups
            for method, rows in group.groupby("method", sort=False)
        ),
        remarks=MEASURED,
    )


def resources_table(latency: pd.DataFrame, setup: Setup) -> Table:
    """What each method’s largest size holds, computes for an image, and answers in time."""
    first, *_, last = batch_sizes(latency) * 2
    rows = _largest(latency)
    rows = of_setup(rows[(rows["batch_size"] == last) & (rows["clock"] == "wall")], setup)
    return Table(
        name="resources",
        caption=f"What methods hold and compute; times and memory on {setup.label}.",
        group_heading="",
        label_headings=("Method",),
        headings=(
            "Parameters\n(thousands)",
            "Weights\n(MB)",
            "Training\n(s)",
            "Multiply-adds\n(millions an image)",
            f"Peak memory (MB)\n{_images(last)}",
            *(f"p{percent} (ms)\n{_images(first)}" for percent in (90, 99)),
            f"Thousand images\na second, {_images(last)}",
        ),
        rows=tuple(_resources_row(latency, setup, row, first) for _, row in rows.iterrows()),
        remarks=COUNTED,
    )


def cost_table(results: Results, recipe: str, setup: Setup) -> Table:
    """How few passes or members are within noise of all, by each measure, and what that costs."""
    sizes = batch_sizes(results.latency)
    several = [v for v in results.largest if _sizes(results, v.method) > 1]
    rows = tuple(
        _needed_row(results, full, asked, setup, sizes)
        for full in several
        for asked in tabulated(results)
    )
    images = [f"ms, {_images(size)}" for size in sizes]
    return Table(
        name=f"cost-{recipe}",
        caption="Passes or members needed to be within noise of the full method, and what that "
        f"costs. Recipe {recipe}, {setup.label}.",
        group_heading="Method",
        label_headings=("Measure", "Needed"),
        headings=(
            *("Value\nat this size", "Value\nat full size"),
            *(f"{heading}\nat {which} size" for heading in images for which in ("this", "full")),
        ),
        rows=rows,
        remarks=WITHIN_NOISE + (AT_MOST if any("≤" in row.labels[1] for row in rows) else ()),
    )


def latency_tables(latency: pd.DataFrame) -> Iterator[Table]:
    """Those that need timings alone."""
    if latency.empty:
        return
    yield latency_table(latency)
    if (setup := main_setup(latency)) is not None:
        yield resources_table(latency, setup)


def cost_tables(results: Results, recipe: str) -> Iterator[Table]:
    """The table of sizes, where there are any to choose from and they were timed."""
    setup = main_setup(results.latency)
    if setup is not None and any(_sizes(results, v.method) > 1 for v in results.largest):
        yield cost_table(results, recipe, setup)


def _largest(latency: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method’s largest size, and those that are of none."""
    size = pd.to_numeric(latency["members"], errors="coerce")
    largest = size.groupby(latency["method"]).transform("max")
    return latency[size.isna() | (size == largest)]


def _members(rows: pd.DataFrame) -> str:
    """The size that a method’s rows are of; none where it was not asked."""
    return str(max(rows["members"], key=len))


def _device(row: pd.Series[Any]) -> str:
    setup = Setup(*(row[name] for name in Setup._fields))
    if not setup.device_name:
        return "CPU (kernels)" if setup.device == "cpu" else "GPU"
    return setup.label + (", the device’s own clock" if row["clock"] == DEVICE_CLOCK else "")


def _time(rows: pd.DataFrame, batch_size: int) -> Cell:
    """What was timed at this batch size, or the reason why nothing was, at this one or at all."""
    found = rows[rows["batch_size"].isna() | (rows["batch_size"] == batch_size)]
    return Cell(reason=NOT_TIMED) if found.empty else _median(found.iloc[0])


def _median(row: Mapping[str, Any] | pd.Series[Any]) -> Cell:
    half_width = (row["p50_upper_ms"] - row["p50_lower_ms"]) / 2
    told = row["reason"] if row["status"] != "ok" or row["engine"] == OWN_ENGINE else ""
    return Cell(row["p50_ms"], half_width, row["status"], told)


def _number(value: float, reason: str = "") -> Cell:
    return Cell(reason=reason) if math.isnan(value) else Cell(value, status="ok")


def _sizes(results: Results, method: str) -> int:
    return sum(variant.method == method for variant in results.variants)


def _resources_row(
    latency: pd.DataFrame, setup: Setup, row: pd.Series[Any], batch_size: int
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
        _number(row["multiply_adds"] / 1e6),
        _number(row["peak_memory_mb"], row["reason"]),
        *tails,
        _number(row["images_per_s"] / 1e3),
    )
    return Row("", (variant.label,), cells)


def _images(count: int) -> str:
    return f"{count:,} image" + ("s" if count > 1 else "")


def _needed_row(
    results: Results, full: Variant, asked: Asked, setup: Setup, sizes: tuple[int, ...]
) -> Row:
    found = needed(results, full, asked)
    variants = [full if found is None else found.variant, full]
    values = [_value(results, variant, asked) for variant in variants]
    times = [_time_of(results, setup, variant, size) for size in sizes for variant in variants]
    if found is None:
        unknown = Cell(reason=NOT_KNOWN)
        values[0], times[::2] = unknown, [unknown] * len(sizes)
    label = "—" if found is None else found.label
    return Row(full.label, (_measure(results, asked), label), (*values, *times))


def _value(results: Results, variant: Variant, asked: Asked) -> Cell:
    metric, condition, score = asked
    row = results.find(variant, condition, metric, score)
    if row is None:
        return Cell()
    return Cell(row["value"], (row["upper"] - row["lower"]) / 2, row["status"], row["reason"])


def _time_of(results: Results, setup: Setup, variant: Variant, batch_size: int) -> Cell:
    row = milliseconds(results.latency, setup, variant, batch_size)
    return Cell(reason=NOT_TIMED) if row is None else _median(row)


def _measure(results: Results, asked: Asked) -> str:
    metric, condition, score = asked
    where = (
        angles_label(results.angles_averaged)
        if condition == ROTATED_MEAN
        else condition_label(condition)
    )
    name = f"{METRICS[metric].name} {METRICS[metric].better}".rstrip()
    return f"{name}, {where}" + (f", {score_label(score).lower()}" if score else "")
