"""All methods at their main size, of all recipes, in one table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress

from benchmarks.nouns import Variant
from benchmarks.report.answer.candidates import single_image
from benchmarks.report.answer.evidence import networks
from benchmarks.report.answer.kinds import heading_of, headline
from benchmarks.report.editorial import RANKED_BY
from benchmarks.report.number_format import two_digits
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.quality import value_cell
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where

WORTH_BY = Quantity(*RANKED_BY)
"""By which the worth in networks is told, and rows are ranked to begin with."""


WORTH, COSTS = "Worth (networks) ↑", ("Training (s) ↓", "One image (ms) ↓")
"""The first column, and the last; a column without any value is left out."""


def ranking_table(results: Results) -> Table:
    """A row a method at its largest size and a recipe; the best by `WORTH_BY` first.

    Args:
        results: those of all recipes.
    """
    names, quantities = results.names, headline(results)
    ranked = [
        (variant, recipe, _cells(results.of_recipe(recipe), variant, quantities))
        for recipe in results.recipes
        for variant in results.of_recipe(recipe).largest
    ]
    by = quantities.index(WORTH_BY)
    ranked.sort(key=lambda row: (math.isnan(row[2][by].value), row[2][by].value))
    rows = [
        (variant, recipe, (_worth(results, variant, recipe), *cells))
        for variant, recipe, cells in ranked
        # A method of a few images alone has no value here.
        if any(not math.isnan(cell.value) for cell in cells[: -len(COSTS)])
    ]
    headings = (WORTH, *(_printed(results, quantity) for quantity in quantities), *COSTS)
    kept = [
        any(not math.isnan(cells[at].value) for *_, cells in rows) for at in range(len(headings))
    ]
    of_worth = (
        f"Worth: the networks of an ensemble that does as well by {_printed(results, WORTH_BY)}, "
        "with its 95 % interval."
    )
    return Table(
        name="ranking",
        caption=f"All methods at their largest size, ranked by {_printed(results, WORTH_BY)}.",
        group_heading="",
        label_headings=("Method", "Recipe"),
        headings=tuple(compress(headings, kept)),
        rows=tuple(
            Row("", (names.label(variant), recipe), tuple(compress(cells, kept)))
            for variant, recipe, cells in rows
        ),
        remarks=(
            *([of_worth] if kept[0] else ()),
            "Neighbours may not differ: the decisions go by tests.",
        ),
    )


def _printed(results: Results, quantity: Quantity) -> str:
    return heading_of(results, quantity).replace("\n", " ")


def _cells(results: Results, variant: Variant, quantities: Sequence[Quantity]) -> tuple[Cell, ...]:
    """The quantities, and the costs; ``results`` are those of one recipe."""
    timing = single_image(results, variant)
    costs = [
        math.nan if timing is None else float(timing[name]) for name in ("training_s", "p50_ms")
    ]
    return (
        *(value_cell(results, variant, quantity) for quantity in quantities),
        *(Cell(one, text="" if math.isnan(one) else two_digits(one)) for one in costs),
    )


def _worth(results: Results, variant: Variant, recipe: str) -> Cell:
    """How many networks an ensemble of the same recipe needs to do as well; its own size of one."""
    if results.worth.empty:
        return Cell()
    if variant.method in set(results.worth["ensemble"]) and variant.members.isdigit():
        return Cell(float(variant.members), text=variant.members)
    place = {"recipe": recipe, "ensemble_recipe": recipe, "status": "ok"}
    found = where(results.worth, **place, **variant._asdict(), **WORTH_BY._asdict())
    if found.empty or not (text := str(found.iloc[0]["worth"])):
        return Cell()
    bounds = [str(found.iloc[0][f"worth_{end}"]) for end in ("lower", "upper")]
    interval = f" ({' to '.join(bounds)})" if all(bounds) else ""
    return Cell(networks(text), text=f"{text}{interval}")
