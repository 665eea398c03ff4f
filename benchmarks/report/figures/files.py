"""A figure of matplotlib as what is written of it: SVG for pages, PNG, and its numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image
from PIL.Image import Dither, Quantize

from benchmarks.io import written_whole
from benchmarks.report.style import DPI
from benchmarks.schema import write_table
from benchmarks.vocabulary import FIGURES_FOLDER

COLOURS = 128
"""Of a PNG; they make it a third as large, and drawings need no more."""

TITLE = "title"
"""The id of a figure's title, which pages show as text."""

ROOT_STYLE = "stroke-linejoin: round; font-family: 'DejaVu Sans', Verdana, sans-serif"

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
PATH, USE, HREF = f"{{{SVG}}}path", f"{{{SVG}}}use", f"{{{XLINK}}}href"

_TIPS = "\N{SYMBOL FOR RECORD SEPARATOR}"
"""Between the parts of an artist's id that are told where it is pointed at."""

_NUMBER, _TARGET = re.compile(r"-?\d+\.\d+(?:e-?\d+)?"), re.compile(r"^#(.+)|url\(#(.+?)\)")
_FAMILY, _FONT = re.compile(r"font-family: [^;]*(; )?"), re.compile(r"font: ([\d.]+px)[^;]*")
_OUTLINE = re.compile(r"(; )?stroke[^;]*")
_UNTURNED = re.compile(r"rotate\(-?0 [^)]*\)")
_GEOMETRY = {"d", "x", "y", "width", "height", "transform"}


class Drawn(NamedTuple):
    """A figure as the contents of its files.

    Attributes:
        name: of its files, which ends with the recipe.
        title: what its numbers say; empty where they say nothing.
        caption: how to read it.
        section: of the page.
        recipe: whose networks it is of.
        svg: without the title and without a background; its ids begin with the name.
        png: with the title.
        numbers: those that it shows.
    """

    name: str
    title: str
    caption: str
    section: str
    recipe: str
    svg: str
    png: bytes
    numbers: pd.DataFrame


def write_figures(drawn: Iterable[Drawn], folder: Path) -> None:
    """Write figures into a run's folder, each as SVG and PNG with its numbers beside."""
    for figure in drawn:
        name = f"{FIGURES_FOLDER}/{figure.name}"
        for suffix, content in (("svg", figure.svg.encode()), ("png", figure.png)):
            with written_whole(folder / f"{name}.{suffix}") as temporary:
                temporary.write_bytes(content)
        write_table(figure.numbers, folder, f"{name}.csv")


def tell(artist: Artist, label: str, tips: Sequence[str] = ()) -> None:
    """Have a page tell the label of a line, and a tip of each of its markers, under the pointer."""
    artist.set_gid(_TIPS.join(("", label, *tips)))


def svg_and_png(figure: Figure, name: str, title: str) -> tuple[str, bytes]:
    """A figure in both forms, laid out once; the same figure gives the same bytes.

    Args:
        name: what ids begin with, so that many figures can stand in one page.
        title: what it is called where it cannot be seen.
    """
    figure.patch.set_visible(False)
    for ax in figure.axes:
        ax.patch.set_visible(False)
    with BytesIO() as svg, BytesIO() as png:
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
        return _for_pages(svg.getvalue(), name, title, above), png.getvalue()


def _height_of_title(figure: Figure) -> float:
    """In points, from the upper edge."""
    for text in figure.texts:
        if text.get_gid() == TITLE:
            below = text.get_window_extent().y0
            return float(72 * (figure.bbox.height - below) / figure.dpi)
    return 0.0


def _for_pages(svg: bytes, name: str, title: str, above: float) -> str:
    """A file of matplotlib without its title, with tips, and with ids of its own.

    Args:
        above: how many points are cut off above.
    """
    for prefix, namespace in (("", SVG), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, namespace)
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("id") == TITLE or child.tag.endswith(("metadata", "style")):
                parent.remove(child)
    outlined = {
        f"#{path.get('id')}" for path in root.iter(PATH) if _OUTLINE.search(path.get("style", ""))
    }
    for element in list(root.iter()):
        _add_tips(element)
        _shorten(element, outlined)
    _rename(root, name)
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    root.attrib = {
        "viewBox": f"0 {above:.1f} {width:g} {height - above:.1f}",
        "width": f"{width:g}pt",
        "height": f"{height - above:.1f}pt",
        "style": ROOT_STYLE,
        "role": "img",
        "aria-label": title or name,
    }
    return ElementTree.tostring(root, encoding="unicode")


def _add_tips(group: Element) -> None:
    _, *told = group.get("id", "").split(_TIPS)
    if not told:
        return
    label, *tips = told
    markers = list(group.iter(USE))
    if len(markers) == len(tips):
        for marker, tip in zip(markers, tips, strict=True):
            SubElement(marker, f"{{{SVG}}}title").text = tip
    described = Element(f"{{{SVG}}}title")
    described.text = label
    group.insert(0, described)


def _shorten(element: Element, outlined: Collection[str]) -> None:
    """Fewer digits, the font once for the whole figure, and outlines of markers once.

    Args:
        outlined: what refers to shapes that have an outline of their own.
    """
    if _UNTURNED.fullmatch(element.get("transform", "")):
        del element.attrib["transform"]
    for key in _GEOMETRY & set(element.attrib):
        value = _NUMBER.sub(lambda found: f"{round(float(found[0]), 2):g}", element.attrib[key])
        element.set(key, " ".join(value.split()))
    if style := element.get("style"):
        style = _FONT.sub(r"font-size: \1", _FAMILY.sub("", style))
        if element.get(HREF) in outlined:
            style = _OUTLINE.sub("", style)
        element.set("style", style)
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _rename(root: Element, name: str) -> None:
    """Short ids, which begin with the name; those that nothing refers to are removed."""
    ids: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        target = found[1] or found[2]
        return found[0].replace(target, ids.setdefault(target, f"{name}-{len(ids)}"))

    for element in root.iter():
        for key in {HREF, "clip-path", "style"} & set(element.attrib):
            element.set(key, _TARGET.sub(renamed, element.attrib[key]))
    for element in root.iter():
        if identifier := ids.get(element.attrib.pop("id", "")):
            element.set("id", identifier)
