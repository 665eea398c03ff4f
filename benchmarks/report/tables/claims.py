"""The tables of the claims: verdicts, the scatter of votes, and the error of samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.figures.claims import SAMPLED_IMAGES, SAMPLED_MEASURES, errors_shown
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table


def verdict_table(claims: Mapping[str, Any]) -> Table:
    """A line a claim; `claims.md` tells what each verdict rests on."""
    setting = claims["setting"]
    networks = f", {setting['networks']} networks" if "networks" in setting else ""
    return Table(
        name="claims",
        caption=f"The article's claims. Recipe {setting['recipe']}{networks}.",
        group_heading="",
        label_headings=("Claim", "Verdict"),
        headings=(),
        rows=tuple(Row("", (one["id"], one["verdict"]), ()) for one in claims["claims"]),
    )


def claims_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Those of a recipe that was sampled and enumerated; none of another."""
    if not results.curve("claims-spread").empty:
        yield spread_table(results, recipe)
        yield error_table(results, recipe)


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


def error_table(results: Results, recipe: str) -> Table:
    """The root mean square error of each measure by the number of passes."""
    errors = errors_shown(results.curve("claims-monte_carlo_error"))
    sizes = sorted(set(errors["passes"]))
    rms = errors.set_index(["images", "measure", "passes"])["rms_error"]
    return Table(
        name=f"claims-monte-carlo-error-{recipe}",
        caption=f"Root mean square error of T passes against all sub-networks. Recipe {recipe}.",
        group_heading="Images",
        label_headings=("Measure",),
        headings=tuple(f"T = {size}" for size in sizes),
        rows=tuple(
            Row(
                label,
                (name,),
                tuple(Cell(rms.get((images, measure, size), float("nan"))) for size in sizes),
            )
            for images, label in SAMPLED_IMAGES.items()
            for measure, name in SAMPLED_MEASURES.items()
        ),
        remarks=("Samples are disjoint parts of each network's 1,000 passes.",),
    )
