"""A figure of matplotlib as SVG within the page, whose colours and font it takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.report.style import Look, css_color

GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")
"""Attributes that are numbers of more digits than a screen has pixels."""

ENLARGED = 1.5
"""Pixels a point where there is space: letters of print are small on a screen."""

_NUMBER, _COLOR = re.compile(r"-?\d+\.\d+(e-?\d+)?"), re.compile("#[0-9a-f]{6}")
_TARGET = re.compile(r"^#(.+)|url\(#(.+?)\)")
_FAMILY, _FONT = re.compile(r"font-family: [^;]*(; )?"), re.compile(r"font: ([\d.]+px)[^;]*")


class Series(NamedTuple):
    """Whose a part of a figure is.

    Attributes:
        key: of the switch that hides it.
        tips: what is told of each of its markers, in their order.
    """

    key: str
    label: str
    tips: Sequence[str] = ()


def svg_of(figure: Figure) -> bytes:
    """The figure as a file of SVG; the same figure gives the same bytes."""
    with BytesIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return file.getvalue()


def inline(svg: bytes, name: str, description: str, series: Mapping[str, Series]) -> Markup:
    """An element of HTML from a file that matplotlib wrote.

    Args:
        name: what its ids begin with, so that those of several figures differ.
        description: what it shows, for screen readers.
        series: by the id of a group, whose it is.
    """
    root = _root(svg)
    for group in root.iter("g"):
        if one := series.get(group.get("id", "")):
            _tell(group, one)
    _rename(root, f"{re.sub(r'[^A-Za-z0-9_]', '-', name)}-")
    return _written(
        root,
        viewBox=root.attrib["viewBox"],
        width=f"{ENLARGED * float(root.attrib['viewBox'].split()[2]):.0f}",
        fill="currentColor",
        role="img",
        tabindex="0",
        **{"aria-label": description},
    )


def definitions(svg: bytes, names: Collection[str]) -> Markup:
    """An element that is not shown, whose groups of these ids are used by others."""
    root = _root(svg)
    _rename(root, "", names)
    return _written(root, **{"class": "symbols", "aria-hidden": "true", "focusable": "false"})


def _root(svg: bytes) -> Element:
    root = ElementTree.fromstring(svg)
    _without_namespaces(root)
    return root


def _written(root: Element, **attributes: str) -> Markup:
    for element in root.iter():
        _lighten(element)
    root.attrib = attributes
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _without_namespaces(root: Element) -> None:
    """Names as HTML has them, and nothing that is of use in a file of its own alone."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.items()}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)


def _tell(group: Element, series: Series) -> None:
    group.attrib |= {"data-series": series.key, "data-name": series.label}
    if series.tips:
        for marker, tip in zip(group.iter("use"), series.tips, strict=True):
            marker.set("data-tip", tip)


def _rename(root: Element, prefix: str, kept: Collection[str] = ()) -> None:
    """The ids that are kept, or that something refers to; others are removed."""
    targets = set(kept)

    def renamed(found: re.Match[str]) -> str:
        target = found[1] or found[2]
        targets.add(target)
        return found[0].replace(target, f"{prefix}{target}")

    for element in root.iter():
        for name in {"href", "clip-path", "style"} & set(element.attrib):
            element.set(name, _TARGET.sub(renamed, element.attrib[name]))
    for element in root.iter():
        if (identifier := element.attrib.pop("id", "")) in targets:
            element.set("id", f"{prefix}{identifier}")


def _lighten(element: Element) -> None:
    """Colours of the page, fewer digits, and the style of all markers of a line once."""
    for name in GEOMETRY:
        if value := element.get(name):
            rounded = _NUMBER.sub(lambda found: f"{round(float(found[0]), 2):g}", value)
            element.set(name, " ".join(rounded.split()))
    if fill := element.attrib.pop("fill", ""):  # as patterns have it
        element.set("style", f"fill: {fill}")
    if style := element.get("style"):
        style = _FONT.sub(r"font-size: \1", _FAMILY.sub("", style))
        element.set("style", _COLOR.sub(lambda found: css_color(found[0]), style))
    if not (element.text or "").strip():
        element.text = None
    element.tail = None
    markers = element.findall("use")
    styles = {marker.get("style") for marker in markers}
    if len(markers) > 1 and len(styles) == 1 and (style := styles.pop()):
        element.set("style", _COLOR.sub(lambda found: css_color(found[0]), style))
        for marker in markers:
            del marker.attrib["style"]
    if element.tag == "defs":
        for shape in element.findall("path"):
            shape.attrib.pop("style", None)  # each use has it, or the group around


WIDTH, HEIGHT = 34, 14
"""In points, and in pixels on the page."""

SAMPLE = Markup(
    '<svg class="sample" viewBox="0 0 {} {}" width="{}" height="{}" fill="currentColor" '
    'aria-hidden="true" focusable="false"><use href="#{}"/></svg>'
)


class Samples:
    """The samples of these looks, which are drawn once and used wherever they are shown."""

    def __init__(self, looks: Iterable[Look]) -> None:
        distinct = dict.fromkeys(replace(look, label="") for look in looks)
        self.names: Mapping[Look, str] = {
            look: f"look-{number}" for number, look in enumerate(distinct)
        }

    @property
    def defined(self) -> Markup:
        """What the page must hold once."""
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        for look, name in self.names.items():
            along = [1 / WIDTH, 0.5, 1 - 1 / WIDTH]
            place = {"transform": figure.transFigure, "markevery": [1], "gid": name}
            figure.add_artist(Line2D(along, [0.5] * 3, **look.line | place))
        return definitions(svg_of(figure), self.names.values())

    def __call__(self, look: Look) -> Markup:
        """The sample of a look."""
        name = self.names[replace(look, label="")]
        return SAMPLE.format(WIDTH, HEIGHT, WIDTH, HEIGHT, name)
