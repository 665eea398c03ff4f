"""The tables and figures of one recipe, as files."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from PIL.Image import Dither

from benchmarks.files import written_whole
from benchmarks.report.figures import GROUPS, Drawing, figures
from benchmarks.report.figures.drawing import in_print, without_formulas
from benchmarks.report.results import Results
from benchmarks.report.style import DPI
from benchmarks.report.tables.abstaining import abstaining_tables
from benchmarks.report.tables.claims import claims_tables
from benchmarks.report.tables.cost import cost_tables
from benchmarks.report.tables.exact import exact_tables
from benchmarks.report.tables.formats import write_tables
from benchmarks.report.tables.quality import quality_tables
from benchmarks.report.tables.worth import worth_tables
from benchmarks.schema import write_table
from benchmarks.vocabulary import FIGURES_FOLDER

COLOURS = 128
"""Of a PNG; they make it a third as large, and drawings need no more."""


class Share(NamedTuple):
    """What one worker draws: some figures of one recipe, from the results of this.

    Attributes:
        groups: positions in `GROUPS`.
    """

    results: Results
    recipe: str
    groups: range


class Drawn(NamedTuple):
    """A figure as the contents of its files.

    Attributes:
        name: of these, in the folder of figures.
        group: the position of its group.
    """

    name: str
    group: int
    svg: bytes
    png: bytes
    numbers: pd.DataFrame


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


def shares(results: Results, workers: int) -> list[Share]:
    """All figures of all recipes, divided so that so many workers have about as much to draw."""
    count = min(-(-workers // len(results.recipes)), len(GROUPS))
    return [
        Share(results.of_recipe(recipe), recipe, range(first, len(GROUPS), count))
        for recipe in results.recipes
        for first in range(count)
    ]


def draw(share: Share) -> list[Drawn]:
    """The figures of a share."""
    with in_print():
        return [
            _drawn(drawing, f"{drawing.name}-{share.recipe}", group)
            for group in share.groups
            for drawing in figures(share.results, GROUPS[group : group + 1])
        ]


def write_figures(drawn: Iterable[Drawn], folder: Path) -> None:
    """Write figures in one order, whoever has drawn them first; of equal names the last stays."""
    for one in sorted(drawn, key=attrgetter("name", "group")):
        path = folder / FIGURES_FOLDER / one.name
        for suffix, content in (("svg", one.svg), ("png", one.png)):
            with written_whole(Path(f"{path}.{suffix}")) as temporary:
                temporary.write_bytes(content)
        write_table(one.numbers, path.parent, f"{path.name}.csv")


def _drawn(drawing: Drawing, name: str, group: int) -> Drawn:
    figure = cast(Figure, drawing.figure)  # each is on a page of its own
    without_formulas(figure)
    with BytesIO() as svg, BytesIO() as image, BytesIO() as png:
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.set_layout_engine(None)  # what has been laid out stays where it is
        figure.savefig(image, format="png", dpi=DPI)
        few_colours = Image.open(image).convert("RGB").quantize(COLOURS, dither=Dither.NONE)
        few_colours.save(png, format="png", optimize=True, dpi=(DPI, DPI))
        return Drawn(name, group, svg.getvalue(), png.getvalue(), drawing.numbers)
