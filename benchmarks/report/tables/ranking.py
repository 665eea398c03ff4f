"""The cells of the ranking: all methods at their largest size, of all recipes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.nouns import Variant
from benchmarks.report.answer.candidates import single_image
from benchmarks.report.answer.kinds import heading_of
from benchmarks.report.editorial import RANKED_BY
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import NOT_MEASURED, Pivot, Place
from benchmarks.report.tables.quality import value_cell, worth_cell
from benchmarks.report.tables.remarks import INTERVAL
from benchmarks.report.tables.table import Cell

COSTS = {"Training\n(s) ↓": "training_s", "One image\n(ms) ↓": "p50_ms"}


def ranking(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The best by `RANKED_BY` comes first.

    A method of a few images alone has no row.
    """
    ranked: list[tuple[float, Place, dict[str, Cell]]] = []
    for recipe in results.recipes:
        of_recipe = results.of_recipe(recipe)
        for variant in of_recipe.largest:
            values = {q: value_cell(of_recipe, variant, q) for q in pivot.quantities(results)}
            if all(math.isnan(cell.value) for cell in values.values()):
                continue
            timing = single_image(results, variant)
            cells = {
                "Worth\n(networks) ↑": _worth(of_recipe, variant, recipe),
                **{heading_of(results, quantity): cell for quantity, cell in values.items()},
                **{
                    heading: _cost(math.nan if timing is None else float(timing[column]))
                    for heading, column in COSTS.items()
                },
            }
            place: Place = {
                "Method": (variant, results.names.label(variant)),
                "Recipe": (recipe, recipe),
            }
            ranked.append((values[Quantity(*RANKED_BY)].value, place, cells))
    for _, row, cells in sorted(ranked, key=lambda one: (math.isnan(one[0]), one[0])):
        for heading, cell in cells.items():
            yield {**row, "Measure": (heading, heading)}, cell


def ranking_notes(results: Results, _: Pivot) -> Iterator[str]:
    """How to read the table."""
    by = heading_of(results, Quantity(*RANKED_BY)).replace("\n", ", ")
    yield f"Ranked by {by}. Neighbours may not differ: the decisions go by tests. {INTERVAL}"
    if not results.worth.empty:
        yield (
            "Worth: the networks of an ensemble that does as well by that measure, with its 95 % "
            "interval."
        )


def _worth(results: Results, variant: Variant, recipe: str) -> Cell:
    """In ensembles of the same recipe; that of an ensemble is its size."""
    ensembles = set() if results.worth.empty else set(results.worth["ensemble"])
    if variant.method in ensembles and variant.members.isdigit():
        return Cell(float(variant.members), status="ok", text=variant.members)
    quantity = Quantity(*RANKED_BY)
    choice = results.side(variant, quantity)
    rows = [results.worth_in(choice, (recipe, name), quantity) for name in sorted(ensembles)]
    if ensembles and not any(rows):
        return Cell(reason="not compared with ensembles of its recipe")
    return worth_cell(next(filter(None, rows), None))


def _cost(value: float) -> Cell:
    if math.isnan(value):
        return Cell(reason=NOT_MEASURED)
    return Cell(value, status="ok", text=two_digits(value))
