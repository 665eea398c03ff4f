"""All methods at their main size, of all recipes, in one table that can be sorted and filtered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from benchmarks.nouns import Variant
from benchmarks.report.answer.candidates import single_image
from benchmarks.report.answer.evidence import networks
from benchmarks.report.answer.kinds import heading_of, headline
from benchmarks.report.editorial import RANKED_BY
from benchmarks.report.number_format import two_digits
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import value_cell
from benchmarks.report.tables.quality import main_table
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where

WORTH_BY = Quantity(*RANKED_BY)
"""By which the worth in networks is told, and rows are ranked to begin with."""


class Ranked(NamedTuple):
    """A row: a method at its largest size, of networks of one recipe.

    Attributes:
        kind: of the method, by which rows are filtered.
    """

    variant: Variant
    label: str
    kind: str
    recipe: str
    cells: tuple[Cell, ...]


class Ranking(NamedTuple):
    """The rows, the best first, with the headings of their cells.

    Attributes:
        by: what they are ranked by.
    """

    headings: tuple[str, ...]
    rows: tuple[Ranked, ...]
    by: str

    @property
    def kinds(self) -> list[str]:
        """The kinds of methods that have a row."""
        return list(dict.fromkeys(row.kind for row in self.rows))


COSTS = 2
"""The last cells of a row, for training and latency."""


def ranking(results: Results) -> Ranking:
    """The ranking, from the results of all recipes."""
    quantities, by = headline(results), heading_of(results, WORTH_BY)
    rows = [
        _row(results.of_recipe(recipe), recipe, variant, quantities)
        for recipe in results.recipes
        for variant in results.of_recipe(recipe).largest
    ]
    # A method of a few images alone has no value here.
    rows = [row for row in rows if any(not math.isnan(c.value) for c in row.cells[:-COSTS])]
    ranked_by = quantities.index(WORTH_BY)
    worst_last = [(row.cells[ranked_by].value, row) for row in rows]
    worst_last.sort(key=lambda one: (math.isnan(one[0]), one[0]))
    costs = ("Worth (networks) ↑", "Training (s) ↓", "One image (ms) ↓")
    headings = (costs[0], *(heading_of(results, one) for one in quantities), *costs[1:])
    return Ranking(
        tuple(heading.replace("\n", " ") for heading in headings),
        tuple(row._replace(cells=(_worth(results, row), *row.cells)) for _, row in worst_last),
        by.replace("\n", " "),
    )


def _row(results: Results, recipe: str, variant: Variant, quantities: Sequence[Quantity]) -> Ranked:
    timing = single_image(results, variant)
    costs = [
        math.nan if timing is None else float(timing[name]) for name in ("training_s", "p50_ms")
    ]
    return Ranked(
        variant,
        results.names.label(variant),
        results.names.method(variant.method).group or "other",
        recipe,
        (
            *(value_cell(results, variant, quantity) for quantity in quantities),
            *(Cell(one, text="" if math.isnan(one) else two_digits(one)) for one in costs),
        ),
    )


def _worth(results: Results, row: Ranked) -> Cell:
    """How many networks an ensemble of the same recipe needs to do as well; its own size of one."""
    if results.worth.empty:
        return Cell()
    if row.variant.method in set(results.worth["ensemble"]) and row.variant.members.isdigit():
        return Cell(float(row.variant.members), text=row.variant.members)
    place = {"recipe": row.recipe, "ensemble_recipe": row.recipe, "status": "ok"}
    found = where(results.worth, **place, **row.variant._asdict(), **WORTH_BY._asdict())
    if found.empty or not (text := str(found.iloc[0]["worth"])):
        return Cell()
    bounds = [str(found.iloc[0][f"worth_{end}"]) for end in ("lower", "upper")]
    interval = f" ({' to '.join(bounds)})" if all(bounds) else ""
    return Cell(networks(text), text=f"{text}{interval}")


class View(NamedTuple):
    """The rows of one kind of images.

    Attributes:
        name: of the images.
        headings: over the columns in which any method has a value or a footnote.
    """

    name: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


class Leaderboard(NamedTuple):
    """The main table, cut into views; its notes belong below each."""

    table: Table
    views: tuple[View, ...]


def leaderboard(results: Results, recipe: str) -> Leaderboard:
    """The views in the order of the table's groups."""
    # Conditions without data are named once on the page, not below each leaderboard.
    table = main_table(replace(results, left_out=()), recipe)
    groups = dict.fromkeys(row.group for row in table.rows)
    return Leaderboard(table, tuple(_view(table, group) for group in groups))


def _view(table: Table, group: str) -> View:
    rows = [row for row in table.rows if row.group == group]
    shown = [
        column
        for column in range(len(table.headings))
        if any(_has_content(row.cells[column]) for row in rows)
    ]
    return View(
        name=group,
        headings=tuple(table.headings[column].replace("\n", " ") for column in shown),
        rows=tuple(
            row._replace(cells=tuple(row.cells[column] for column in shown)) for row in rows
        ),
    )


def _has_content(cell: Cell) -> bool:
    """Whether there is a value, or a footnote on why there is none."""
    return cell.value == cell.value or bool(cell.footnote)
