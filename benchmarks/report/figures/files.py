"""A figure of matplotlib as what is written of it: SVG for pages, PNG, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image
from PIL.Image import Dither, Quantize

from benchmarks.io import write_whole
from benchmarks.report.style import DPI
from benchmarks.schema import write_table
from benchmarks.vocabulary import FIGURES_FOLDER

COLOURS = 128
"""Of a PNG; they make it a third as large, and drawings need no more."""

TITLE = "title"
"""The id of a figure's title, which pages show as text."""

FONT = "font-family: 'DejaVu Sans', Verdana, sans-serif"

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

_TIPS = "\N{SYMBOL FOR RECORD SEPARATOR}"
"""Between the parts of an artist's id that are told where it is pointed at."""


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
        for suffix, content in (("svg", figure.svg.encode()), ("png", figure.png)):
            write_whole(folder / f"{name}.{suffix}", content)
        write_table(figure.numbers, folder, f"{name}.csv")


def tell(artist: Artist, label: str, tips: Sequence[str] = ()) -> None:
    """Have a page tell the label of a line, and a tip of each of its markers, under the pointer."""
    artist.set_gid(_TIPS.join(("", label, *tips)))


def svg_and_png(figure: Figure, name: str, title: str) -> tuple[str, bytes]:
    """A figure in both forms, laid out once; the same figure gives the same bytes.

    Args:
        name: from which ids are made, so that many figures can stand in one page.
        title: what it is called where it cannot be seen.
    """
    figure.patch.set_visible(False)
    for ax in figure.axes:
        ax.patch.set_visible(False)
    with BytesIO() as svg, BytesIO() as png, mpl.rc_context({"svg.hashsalt": name}):
        figure.set_dpi(DPI)  # of images within the SVG
        # Not `savefig`, which draws twice whatever it writes.
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(svg, metadata={"Date": None, "Creator": None})
        above = _height_of_title(figure)  # before it is laid out for more dots an inch
        figure.set_layout_engine(None)  # what has been laid out stays where it is
        figure.set_dpi(DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = Image.fromarray(np.asarray(canvas.buffer_rgba()))
        image = Image.new("RGB", drawn.size, "white")
        image.paste(drawn, mask=drawn.getchannel("A"))
        few_colours = image.quantize(COLOURS, method=Quantize.FASTOCTREE, dither=Dither.NONE)
        few_colours.save(png, format="png", dpi=(DPI, DPI))
        return _renumbered(_for_pages(svg.getvalue(), title or name, above), name), png.getvalue()


def _renumbered(svg: str, name: str) -> str:
    """With ids by their order, not of places, whose last digits a layout does not repeat."""
    prefix, numbers = f"f{sha256(name.encode()).hexdigest()[:8]}-", dict[str, int]()
    return re.sub(
        r'( id="|#)([a-z]+[0-9a-f]{10})\b',
        lambda match: f"{match[1]}{prefix}{numbers.setdefault(match[2], len(numbers))}",
        svg,
    )


def _height_of_title(figure: Figure) -> float:
    """In points, from the upper edge."""
    for text in figure.texts:
        if text.get_gid() == TITLE:
            below = text.get_window_extent().y0
            return float(72 * (figure.bbox.height - below) / figure.dpi)
    return 0.0


def _for_pages(svg: bytes, label: str, above: float) -> str:
    """A file of matplotlib without its title, with tips, and without what makes it longer.

    Args:
        label: for those who do not see the figure.
        above: how many points are cut off above.
    """
    for prefix, namespace in (("", SVG), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, namespace)
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("id") == TITLE or child.tag.endswith(("metadata", "style")):
                parent.remove(child)
    for element in list(root.iter()):
        if element.tag in (f"{{{SVG}}}g", f"{{{SVG}}}image"):  # nothing refers to their ids
            _add_tips(element, element.attrib.pop("id", ""))
        for key in {"d", "x", "y", "width", "height", "transform"} & element.attrib.keys():
            rounded = re.sub(
                r"-?\d+\.\d+(e-?\d+)?",
                lambda number: f"{round(float(number[0]), 2):g}",
                element.attrib[key],
            )
            element.set(key, " ".join(rounded.split()))
        if style := re.sub(r"; font-family: [^;]*", "", element.get("style", "")):
            element.set("style", re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", style))
        element.text, element.tail = (element.text or "").strip() or None, None
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    root.attrib = {
        "viewBox": f"0 {above:.1f} {width:g} {height - above:.1f}",
        "width": f"{width:g}pt",
        "height": f"{height - above:.1f}pt",
        "style": f"stroke-linejoin: round; {FONT}",
        "role": "img",
        "aria-label": label,
    }
    return ElementTree.tostring(root, encoding="unicode")


def _add_tips(group: Element, identifier: str) -> None:
    """Titles of a group and of its markers, where its id has them."""
    _, *texts = identifier.split(_TIPS)
    if not texts:
        return
    label, *tips = texts
    markers = list(group.iter(f"{{{SVG}}}use"))
    if len(markers) == len(tips):
        for marker, tip in zip(markers, tips, strict=True):
            SubElement(marker, f"{{{SVG}}}title").text = tip
    title = Element(f"{{{SVG}}}title")
    title.text = label
    group.insert(0, title)
