"""The table of selective prediction: what abstaining on some images leaves of the error."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.numbers.abstaining import in_percent, steps
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import SELF_TRAINED

CAPTION = (
    "Error (%) on accepted images, by the share of images that a method abstains on: those most "
    "uncertain by its primary score; ± half the 95 % interval."
)


def abstaining_tables(results: Results, recipe: str) -> Iterator[Table]:
    """The table, where a run has the metrics for it."""
    if table := abstaining_table(results, recipe):
        yield table


def abstaining_table(results: Results, recipe: str) -> Table | None:
    """A group of rows a condition, a column a share of images that methods abstain on."""
    shown, metrics = results.well_labelled, steps(results)
    variants = results.evaluated_on(shown)
    if not metrics or not variants:
        return None
    quantities = {
        condition: [Quantity(condition, metric) for metric in metrics] for condition in shown
    }
    of_recipe = "" if recipe == SELF_TRAINED else f" Recipe {recipe}."
    return Table(
        name=f"abstaining-{recipe}",
        caption=f"{CAPTION}{of_recipe}",
        group_heading="Images",
        label_headings=("Method",),
        headings=tuple(
            f"Abstains\non {share:g} %" if share else "Error of\nall images"
            for share in metrics.values()
        ),
        rows=tuple(
            Row(
                results.label_of(condition),
                (results.names.label(variant),),
                tuple(map(_in_percent, metrics, cells)),
            )
            for condition in shown
            for variant in variants
            for cells in [compared_cells(results, variants, variant, quantities[condition])]
        ),
    )


def _in_percent(metric: str, cell: Cell) -> Cell:
    """Without the remarks on intervals that `summary.csv` has."""
    reason = "" if cell.status == "ok" else cell.reason
    value = in_percent(metric, cell.value)
    return cell._replace(value=value, half_width=100 * cell.half_width, reason=reason)
