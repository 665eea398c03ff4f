"""The tables of one recipe, as files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.claims import claims_tables
from benchmarks.report.results import Results
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.cost import cost_tables
from benchmarks.report.tables.exact import exact_tables
from benchmarks.report.tables.formats import write_tables
from benchmarks.report.tables.quality import quality_tables
from benchmarks.report.tables.worth import worth_tables


def write_recipe_tables(results: Results, recipe: str, folder: Path) -> None:
    """Write the tables of one recipe, from the results of all."""
    of_recipe = results.of_recipe(recipe)
    kinds = (
        quality_tables,
        abstaining_tables,
        exact_tables,
        worth_tables,
        cost_tables,
        claims_tables,
    )
    tables = [table for of_kind in kinds for table in of_kind(of_recipe, recipe)]
    write_tables(tables, folder, results.names.task)
