"""The tables and figures of one recipe, as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import cast

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image
from PIL.Image import Dither

from benchmarks.files import written_whole
from benchmarks.records import write_table
from benchmarks.report.figures import Drawing, figures
from benchmarks.report.figures.drawing import without_formulas
from benchmarks.report.results import Results
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.claims import claims_tables
from benchmarks.report.tables.cost import cost_tables
from benchmarks.report.tables.exact import exact_tables
from benchmarks.report.tables.quality import quality_tables
from benchmarks.report.tables.text.formats import write_tables
from benchmarks.report.tables.worth import worth_tables
from benchmarks.stored.listing import list_files
from benchmarks.vocabulary import FIGURES_FOLDER

COLOURS = 128
"""Of a PNG; they make it a third as large, and drawings need no more."""


def write_recipe(results: Results, recipe: str, folder: Path) -> str:
    """Write the tables and figures of one recipe from the results of all; return its name."""
    of_recipe = results.of_recipe(recipe)
    kinds = (
        quality_tables,
        abstaining_tables,
        exact_tables,
        worth_tables,
        cost_tables,
        claims_tables,
    )
    write_tables([table for of_kind in kinds for table in of_kind(of_recipe, recipe)], folder)
    with rc_context(SETTINGS):
        for drawing in figures(of_recipe):
            _write_drawing(drawing, recipe, folder)
    return recipe


def _write_drawing(drawing: Drawing, recipe: str, folder: Path) -> None:
    figure = cast(Figure, drawing.figure)  # each is on a page of its own
    without_formulas(figure)
    svg, png, csv = (
        f"{FIGURES_FOLDER}/{drawing.name}-{recipe}.{suffix}" for suffix in ("svg", "png", "csv")
    )
    list_files(folder, (svg, png, csv))
    with written_whole(folder / svg) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # what has been laid out stays where it is
    with written_whole(folder / png) as temporary, BytesIO() as image:
        figure.savefig(image, format="png", dpi=DPI)
        few_colours = Image.open(image).convert("RGB").quantize(COLOURS, dither=Dither.NONE)
        few_colours.save(temporary, format="png", optimize=True, dpi=(DPI, DPI))
    write_table(drawing.numbers, folder / csv)
