"""The tables of the claims: verdicts, and the spread of votes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.claims_page import by_weight, verdict_by
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.texts import listed


def verdict_table(claims: Mapping[str, Any]) -> Table:
    """A line a claim, grouped by weight; `claims.md` tells what each verdict rests on."""
    setting = claims["setting"]
    networks = f" ({setting['networks']} networks)" if "networks" in setting else ""
    beside = tuple(setting.get("beside", ()))
    compared = f" Other columns: recipes {listed(beside)}." if beside else ""
    return Table(
        name="claims",
        caption=f"The article's claims. Verdict: recipe {setting['recipe']}{networks}.{compared}",
        group_heading="Weight",
        label_headings=("Claim", "Verdict", *beside),
        headings=(),
        rows=tuple(
            Row(
                heading,
                (one["id"], one["verdict"], *(verdict_by(one, recipe) for recipe in beside)),
                (),
            )
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
