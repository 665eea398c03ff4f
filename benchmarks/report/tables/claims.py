"""The tables of the claims: verdicts, the spread of votes, and what sampling changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.records import where
from benchmarks.report.claims_page import by_weight
from benchmarks.report.names import Variant
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table

EXACT_REMARKS = (
    "Each cell is the mean difference between the sampled and the exact prediction of the same "
    "network on the same images, ± half of the 95 % interval over networks (Student's t).",
    "The interval does not cover the draw of images.",
)


def verdict_table(claims: Mapping[str, Any]) -> Table:
    """A line a claim, grouped by weight; `claims.md` tells what each verdict rests on."""
    setting = claims["setting"]
    networks = f", {setting['networks']} networks" if "networks" in setting else ""
    return Table(
        name="claims",
        caption=f"The article's claims. Recipe {setting['recipe']}{networks}.",
        group_heading="Weight",
        label_headings=("Claim", "Verdict"),
        headings=(),
        rows=tuple(
            Row(heading, (one["id"], one["verdict"]), ())
            for heading, some in by_weight(claims["claims"]).items()
            for one in some
        ),
    )


def claims_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Those of a recipe whose sub-networks were enumerated on the article's images."""
    if not results.curve("claims-spread").empty:
        yield spread_table(results, recipe)


def spread_table(results: Results, recipe: str) -> Table:
    """For each class that gets votes, how much they scatter, and by what."""
    spread = results.curve("claims-spread")
    columns = {
        "mean_share": "Mean\nshare",
        "std_by_network": "Std. between\nnetworks",
        "std_by_passes": "Std. between\nsamples",
        "variance_by_network": "Variance\nbetween networks",
    }
    networks = int(spread["networks"].max())
    return Table(
        name=f"claims-spread-{recipe}",
        caption="Spread of the votes between networks, and between samples of 100 passes. "
        f"Recipe {recipe}, {networks} networks, exact vote shares.",
        group_heading="Image",
        label_headings=("Class",),
        headings=tuple(columns.values()),
        rows=tuple(
            Row(
                str(line["image"]),
                (str(line["class"]),),
                tuple(Cell(line[column]) for column in columns),
            )
            for line in spread.to_dict("records")
        ),
        remarks=("The last column is a share of the total variance of sampled votes.",),
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
        remarks=EXACT_REMARKS,
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
