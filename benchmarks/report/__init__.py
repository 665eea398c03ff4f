"""From the files of a run to tables, figures and a page; imports neither torch nor methods."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib import rc_context
from PIL import Image
from PIL.Image import Dither

from benchmarks.files import written_whole
from benchmarks.progress import tracked
from benchmarks.records import FIGURES, SUMMARY, TABLES, write_table
from benchmarks.report.claims_tables import claims_tables, verdict_table
from benchmarks.report.figures import Drawing, figures
from benchmarks.report.integrity import integrity_table
from benchmarks.report.latency_tables import cost_tables, latency_tables
from benchmarks.report.page import write_page
from benchmarks.report.results import Results, read_latency
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.report.table import Table, as_frame, latex, markdown
from benchmarks.report.tables import tables

COLOURS = 128
"""Of a PNG, which they make a third as large; drawings need no more."""


def write_report(folder: Path) -> None:
    """Write every table and figure of the run whose files are in the folder, and its page.

    Raises:
        UserError: nothing has been measured there yet.
    """
    latency = read_latency(folder)
    for table in latency_tables(latency):
        write_table_files(table, folder / TABLES)
    if not latency.empty and not (folder / SUMMARY).exists():
        return  # of a machine on which methods were timed, and nothing else
    results = Results.load(folder)
    if results.claims:
        write_table_files(verdict_table(results.claims), folder / TABLES)
    if (integrity := integrity_table(folder)) is not None:
        write_table_files(integrity, folder / TABLES)
    done = (_write_recipe(results, recipe, folder) for recipe in results.recipes)
    for _ in tracked(done, len(results.recipes), "report", "recipes"):
        pass
    write_page(results, folder)


def _write_recipe(results: Results, recipe: str, folder: Path) -> str:
    of_recipe = results.of_recipe(recipe)
    for of_kind in (tables, cost_tables, claims_tables):
        for table in of_kind(of_recipe, recipe):
            write_table_files(table, folder / TABLES)
    with rc_context(SETTINGS):
        for drawing in figures(of_recipe):
            _write_drawing(drawing, recipe, folder / FIGURES)
    return recipe


def write_table_files(table: Table, folder: Path) -> None:
    """Write a table as Markdown, LaTeX and CSV."""
    for suffix, text in (("md", markdown(table)), ("tex", latex(table))):
        with written_whole(folder / f"{table.name}.{suffix}") as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_table(as_frame(table), folder / f"{table.name}.csv")


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
