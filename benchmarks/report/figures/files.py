"""A figure of matplotlib as what is written of it: SVG for pages, PNG, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image
from PIL.Image import Dither, Quantize

from benchmarks.io import write_whole
from benchmarks.report.style import DPI
from benchmarks.schema import write_table
from benchmarks.vocabulary import FIGURES_FOLDER

COLOURS = 128
"""Number of colours of a PNG; they make it a third as large, and drawings need no more."""

STYLE = "stroke-linejoin: round; font-family: 'DejaVu Sans', Verdana, sans-serif"
"""What all elements of a drawing have in common."""

_NUMBER = re.compile(r'(?<=[\s"(])-?\d+\.\d+(?=[\s")])')


class FigureFiles(NamedTuple):
    """A figure as the contents of its files.

    Attributes:
        name: of its files.
        title: what its numbers say; empty where they say nothing.
        caption: how to read it.
        section: of the page.
        svg: without the title and without a background; no two figures share an id.
        png: with the title.
        numbers: those that it shows.
    """

    name: str
    title: str
    caption: str
    section: str
    svg: str
    png: bytes
    numbers: pd.DataFrame


def write_figures(figures: Iterable[FigureFiles], folder: Path) -> None:
    """Write figures into a run's folder, each as SVG and PNG with its numbers beside."""
    for figure in figures:
        name = f"{FIGURES_FOLDER}/{figure.name}"
        write_whole(folder / f"{name}.svg", figure.svg.encode())
        write_whole(folder / f"{name}.png", figure.png)
        write_table(figure.numbers, folder, f"{name}.csv")


def svg_and_png(figure: Figure, name: str, title: str) -> tuple[str, bytes]:
    """A figure in both forms, laid out once; the same figure gives the same bytes.

    Args:
        name: from which ids are made, so that many figures can stand in one page.
        title: what it is called where it cannot be seen.
    """
    figure.set_dpi(DPI)
    figure.set_facecolor("white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")  # what has been laid out stays where it is
    with BytesIO() as png, mpl.rc_context({"svg.hashsalt": name}):
        few_colours = (
            Image.fromarray(np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
            .convert("RGB")
            .quantize(COLOURS, method=Quantize.FASTOCTREE, dither=Dither.NONE)
        )
        few_colours.save(png, format="png", dpi=(DPI, DPI))
        width, height = figure.get_size_inches()
        for text in figure.texts:
            if text.get_text() == figure.get_suptitle():  # pages show it as text
                height = text.get_window_extent().y0 / DPI
                text.set_visible(False)
        svg = StringIO()
        below_title = Bbox.from_extents(0, 0, width, height)
        figure.savefig(svg, format="svg", dpi=DPI, bbox_inches=below_title, transparent=True)
        return _for_pages(svg.getvalue(), name, title or name), png.getvalue()


def _for_pages(svg: str, name: str, label: str) -> str:
    """A drawing as an element of a page, without what makes it longer.

    Args:
        label: for those who do not see the figure.
    """
    svg = svg[svg.index("<svg ") :]
    svg = re.sub("<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\n\s*", " ", re.sub('<g id="[^"]*"', "<g", svg))

    def rounded(tag: re.Match[str]) -> str:
        return _NUMBER.sub(lambda number: f"{round(float(number[0]), 2):g}", tag[0])

    svg = re.sub("<[^>]*>", rounded, svg)
    # Ids are numbered in their order: those of matplotlib depend on the last digits of places,
    # which a layout does not repeat.
    prefix, numbers = f"f{sha256(name.encode()).hexdigest()[:8]}-", dict[str, int]()
    svg = re.sub(
        r'( id="|#)([a-z]+[0-9a-f]{10})\b',
        lambda match: f"{match[1]}{prefix}{numbers.setdefault(match[2], len(numbers))}",
        svg,
    )
    return svg.replace(
        "<svg ", f'<svg role="img" aria-label={quoteattr(label)} style="{STYLE}" ', 1
    )
