"""All tables of a run."""

from __future__ import annotations

from benchmarks.report.claims import claims_tables
from benchmarks.report.results import Results
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.cost import cost_tables
from benchmarks.report.tables.exact import exact_tables
from benchmarks.report.tables.latency import latency_tables
from benchmarks.report.tables.quality import quality_tables
from benchmarks.report.tables.table import Table
from benchmarks.report.tables.worth import worth_tables

BY_RECIPE = (
    *(quality_tables, abstaining_tables, exact_tables),
    *(worth_tables, cost_tables, claims_tables),
)


def tables_of(results: Results) -> list[Table]:
    """The tables of a run."""
    return [
        *(
            table
            for recipe in results.recipes
            for of_kind in BY_RECIPE
            for table in of_kind(results.of_recipe(recipe), recipe)
        ),
        *latency_tables(results.latency, results.names, results.score_latency),
    ]
