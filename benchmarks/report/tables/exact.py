"""The table of what sampling changes: samples less the exact value of the same network."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where

REMARKS = (
    "Each cell is the mean difference between the sampled and the exact prediction of the same "
    "network on the same images, ± half of the 95 % interval over networks (Student's t).",
    "The interval does not cover the draw of images.",
)


def exact_tables(results: Results, recipe: str) -> Iterator[Table]:
    """A row a size of the sampled method, a column a measure, a group of rows a condition."""
    errors = results.curve("sampling_error")
    if errors.empty:
        return
    metrics = [m for m in results.names.main if m.name in set(errors["measure"])]
    networks, images = int(errors["networks"].max()), int(errors["images"].max())
    limits = ", ".join(results.names.method(name).label for name in set(errors["other_method"]))
    yield Table(
        name=f"exact-{recipe}",
        caption=f"What sampling changes: {limits} with T passes, less the same with all masks. "
        f"Recipe {recipe}, {networks} networks, {images} images per condition.",
        group_heading="Images",
        label_headings=("Passes",),
        headings=tuple(results.names.printed(metric.name).heading for metric in metrics),
        rows=tuple(
            Row(
                results.label_of(str(condition)),
                (f"{results.names.method(variant.method).symbol} = {variant.members}",),
                tuple(_cell(where(of_variant, measure=metric.name)) for metric in metrics),
            )
            for condition, of_condition in errors.groupby("condition", sort=False)
            for variant, of_variant in _by_variant(results, of_condition)
        ),
        remarks=REMARKS,
    )


def _by_variant(results: Results, errors: pd.DataFrame) -> list[tuple[Variant, pd.DataFrame]]:
    variants = {Variant(*pair) for pair in zip(errors["method"], errors["members"], strict=True)}
    return [
        (variant, where(errors, **variant._asdict()))
        for variant in sorted(variants, key=results.names.rank)
    ]


def _cell(row: pd.DataFrame) -> Cell:
    if row.empty:
        return Cell()
    (line,) = row.to_dict("records")
    half_width = (line["upper"] - line["lower"]) / 2
    return Cell(line["difference"], half_width, "ok" if half_width == half_width else "undefined")
