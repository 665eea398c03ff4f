"""What the terminal shows at the end of a run: the main numbers, the files, what was left out."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.escaping import terminal_text
from benchmarks.files import path_of
from benchmarks.report.provenance import DOWNLOADS
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import value_cell
from benchmarks.report.tables.remarks import training_images_remark
from benchmarks.vocabulary import (
    ANSWER_JSON,
    CLEAN,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    SUMMARY_CSV,
    TABLES_FOLDER,
)


def show_outcome(out: Path) -> None:
    """Print the main numbers of `summary.csv`, if there is one, and name the files, the page first.

    Conditions that were left out, because their data are not available, are named in one more line.
    """
    left_out: tuple[str, ...] = ()
    if path_of(out, SUMMARY_CSV).exists():
        results = Results.load(out)
        left_out = results.left_out
        Console().print(_table(results))
        trained_on = results.names.training_images(results.recipes)
        if remark := training_images_remark(trained_on):
            print(remark)
    for path in sorted(out.glob("[!.]*.*"), key=lambda path: (path.name != INDEX_HTML, path)):
        if path.name in (INDEX_HTML, ANSWER_JSON, *DOWNLOADS):
            print(f"wrote {path}")
    for path in (out / CURVES_FOLDER, out / TABLES_FOLDER, out / FIGURES_FOLDER):
        if path.is_dir():
            print(f"wrote {path}/ ({sum(1 for _ in path.iterdir())} files)")
    if left_out:
        print(f"left out, because their data are not available: {', '.join(left_out)}")


def _table(results: Results) -> Table:
    """The overview's metrics of which a value is better: clean, by group, and of one detection."""
    metrics = [one for one in results.names.overview if one.better]
    quantities = [
        Quantity(condition, metric.name)
        for of_reference, conditions in (
            (False, (CLEAN, *results.group_means)),
            (True, results.ood[:1]),
        )
        for condition in conditions
        for metric in metrics
        if ("reference" in metric.needs) == of_reference
    ]
    table = Table(
        title="Means over replicates",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("recipe", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for condition, metric, _ in quantities:
        label = results.label_of(condition).replace(" ", "\n").replace("-", "-\n")
        heading = terminal_text(f"{results.names.printed(metric).name}\n{label}")
        table.add_column(heading, justify="right")
    for recipe in results.recipes:
        of_recipe = results.of_recipe(recipe)
        for variant in of_recipe.evaluated_on([CLEAN]):
            values = (value_cell(of_recipe, variant, quantity).value for quantity in quantities)
            shown = ("—" if value != value else f"{value:.4f}" for value in values)
            table.add_row(recipe, terminal_text(results.names.label(variant)), *shown)
    return table
