"""The tables and figures of one recipe, as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib import rc_context
from PIL import Image
from PIL.Image import Dither

from benchmarks.files import written_whole
from benchmarks.records import write_table
from benchmarks.report.claims_tables import claims_tables
from benchmarks.report.figures import Drawing, figures
from benchmarks.report.latency_tables import cost_tables
from benchmarks.report.results import Results
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.report.table import write_table_files
from benchmarks.report.tables import tables
from benchmarks.vocabulary import FIGURES_FOLDER, TABLES_FOLDER

COLOURS = 128
"""Of a PNG, which they make a third as large; drawings need no more."""


def write_recipe(results: Results, recipe: str, folder: Path) -> str:
    """Write what the results, of all recipes, say of this one; return its name."""
    of_recipe = results.of_recipe(recipe)
    for of_kind in (tables, cost_tables, claims_tables):
        for table in of_kind(of_recipe, recipe):
            write_table_files(table, folder / TABLES_FOLDER)
    with rc_context(SETTINGS):
        for drawing in figures(of_recipe):
            _write_drawing(drawing, recipe, folder / FIGURES_FOLDER)
    return recipe


def _write_drawing(drawing: Drawing, recipe: str, folder: Path) -> None:
    name = f"{drawing.name}-{recipe}"
    with written_whole(folder / f"{name}.svg") as temporary:
        drawing.figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    drawing.figure.set_layout_engine("none")  # what has been laid out stays where it is
    with written_whole(folder / f"{name}.png") as temporary, BytesIO() as picture:
        drawing.figure.savefig(picture, format="png", dpi=DPI)
        few_colours = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Dither.NONE)
        few_colours.save(temporary, format="png", optimize=True, dpi=(DPI, DPI))
    write_table(drawing.numbers, folder / f"{name}.csv")
