"""The table of sizes: how few passes or members are enough, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from benchmarks.nouns import Names, Variant
from benchmarks.report.numbers.cost import Setup, batch_sizes, main_setup, milliseconds
from benchmarks.report.read.comparisons import Quantity, Tested
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import value_cell
from benchmarks.report.tables.latency import NOT_TIMED, images_text, median_cell
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import CLEAN

NOT_KNOWN = "the full method’s value has no interval"

WITHIN_NOISE = (
    "Needed: from this size on, none is significantly worse than the full method (paired "
    "difference on the same images). That is no test of equality.",
)
AT_MOST = ("≤: no smaller size was compared with the full one.",)


class Enough(NamedTuple):
    """A size that is not distinguished as worse than the full one, nor is any between.

    Attributes:
        variant: the smallest known.
        at_most: whether no smaller one was measured and compared, so that fewer may be enough.
    """

    variant: Variant
    at_most: bool

    def label(self, names: Names) -> str:
        """For example ``T = 20``, or ``≤ T = 50``."""
        size = names.size(self.variant)
        return f"≤ {size}" if self.at_most else size


def cost_tables(results: Results, recipe: str) -> Iterator[Table]:
    """The table of sizes, where there are any to choose from and they were timed."""
    setup = main_setup(results.latency)
    if setup is not None and _of_several_sizes(results):
        yield cost_table(results, recipe, setup)


def cost_table(results: Results, recipe: str, setup: Setup) -> Table:
    """How few passes or members are within noise of all, by each measure, and what they cost.

    Methods that were measured at one size alone are left out.
    """
    batches = batch_sizes(results.latency)
    rows = tuple(
        _row(results, full, quantity, setup, batches)
        for full in _of_several_sizes(results)
        for quantity in tabulated(results)
    )
    images = [f"ms, {images_text(size)}" for size in batches]
    return Table(
        name=f"cost-{recipe}",
        caption="The smallest size that is not significantly worse than the full size, and its "
        f"latency. Recipe {recipe}, {setup.label}.",
        group_heading="Method",
        label_headings=("Measure", "Needed"),
        headings=(
            *("Value\nat this size", "Value\nat full size"),
            *(f"{heading}\nat {which} size" for heading in images for which in ("this", "full")),
        ),
        rows=rows,
        remarks=WITHIN_NOISE + (AT_MOST if any("≤" in row.labels[1] for row in rows) else ()),
    )


def tabulated(results: Results) -> list[Quantity]:
    """The quantities by which sizes are compared."""
    return [
        *(
            Quantity(name, metric.name)
            for name in (CLEAN, *results.group_means)
            for metric in results.names.main
            if metric.better and not {"score", "reference"}.intersection(metric.needs)
        ),
        *(
            Quantity(name, metric.name)
            for name in results.ood[:1]
            for metric in results.names.overview
            if {"score", "reference"} <= set(metric.needs)
        ),
    ]


def needed(results: Results, full: Variant, quantity: Quantity) -> Enough | None:
    """The smallest size from which on none is distinguished as worse than the full one.

    Worse: the whole interval of the paired difference to the full size lies on the worse side of
    0. This is a statement about what these images can distinguish, not one of equality. ``None``
    where the full size has no value or no interval.

    Args:
        quantity: a measure of which one value is better than another.
    """
    whole = results.find(full, quantity)
    if whole is None or pd.isna(whole["value"]) or pd.isna(whole["lower"]):
        return None
    sizes = [v for v in results.variants if v.method == full.method and v.members.isdigit()]
    smallest = full
    for variant in sorted(sizes, key=results.names.rank, reverse=True):
        if variant == full:
            continue
        row = results.find(variant, quantity)
        if row is not None and row["status"] == "undefined":
            break  # as disagreement is with one member
        tested = results.tested(variant, full, quantity)
        if tested is None or pd.isna(tested.lower):
            return Enough(smallest, at_most=True)
        if _is_worse(tested, results.names.metric(quantity.metric).better):
            break
        smallest = variant
    else:
        return Enough(smallest, at_most=smallest.members != "1")
    return Enough(smallest, at_most=False)


def _is_worse(tested: Tested, better: str) -> bool:
    """Whether the whole interval lies on the side that is not the better one."""
    return tested.upper < 0 if better == "higher" else tested.lower > 0


def _of_several_sizes(results: Results) -> list[Variant]:
    """The largest size of each method that was measured at several."""
    methods = [variant.method for variant in results.variants]
    return [variant for variant in results.largest if methods.count(variant.method) > 1]


def _row(
    results: Results, full: Variant, quantity: Quantity, setup: Setup, batches: tuple[int, ...]
) -> Row:
    enough = needed(results, full, quantity)
    variants = [full if enough is None else enough.variant, full]
    values = [value_cell(results, variant, quantity) for variant in variants]
    times = [_time(results, setup, variant, size) for size in batches for variant in variants]
    if enough is None:
        unknown = Cell(reason=NOT_KNOWN)
        values[0], times[::2] = unknown, [unknown] * len(batches)
    label = "—" if enough is None else enough.label(results.names)
    return Row(results.names.label(full), (_measure(results, quantity), label), (*values, *times))


def _time(results: Results, setup: Setup, variant: Variant, batch_size: int) -> Cell:
    row = milliseconds(results.latency, setup, variant, batch_size)
    return Cell(reason=NOT_TIMED) if row is None else median_cell(row)


def _measure(results: Results, quantity: Quantity) -> str:
    return f"{results.names.printed(quantity.metric).title}, {results.label_of(quantity.condition)}"
