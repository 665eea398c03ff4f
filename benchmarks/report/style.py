"""How everything looks: a colour for each family of methods, and the sizes of print.

Colours are those of Okabe & Ito (2008), and of Tol (2021, "muted") for further families, which the
colour-blind can distinguish. Markers and dashes distinguish the methods of a family, and all
methods in grey.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.nouns import Contestant, Names
from benchmarks.report.editorial import GROUP_COLOURS

COLUMN, PAGE = 3.3, 6.9
"""Widths in inches: of a column, and of both."""

DPI = 200

SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.titley": 1.0,
    "axes.axisbelow": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.8,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.2,
    "hatch.linewidth": 0.5,
    "figure.constrained_layout.wspace": 0.04,
    # Text stays text, and the same figure is written as the same bytes.
    "svg.fonttype": "none",
    "text.parse_math": False,
    "svg.hashsalt": "uncertainty-bench",
    "pdf.fonttype": 42,
}

Dash = str | tuple[float, tuple[float, ...]]
"""A line style of matplotlib."""

DASHES = (0.0, (4.0, 2.0))
"""Of lines to compare with, which are no method's."""

SMALLEST = 7
"""Points of the smallest letters."""

SHADE = "0.9"
"""Of the range in which labels are not well defined."""

BAND = 0.15
"""How opaque intervals are; those of a method's smaller sizes are half as much."""

_DASHED, _DASH_DOTTED = (0.0, (4.0, 1.5)), (0.0, (4.0, 1.2, 1.0, 1.2))
_DOTTED, _LONG = (0.0, (1.0, 1.2)), (0.0, (8.0, 1.5))

MARKERS: tuple[tuple[str, Dash], ...] = (
    *(("s", _DOTTED), ("o", "-"), ("D", _DASH_DOTTED), ("h", _DASHED)),
    *(("v", _DASH_DOTTED), ("P", _LONG), ("X", _LONG), ("<", _DASH_DOTTED)),
    *((">", _DASHED), ("p", _DOTTED), ("^", "-"), ("d", _DASHED)),
)
"""Markers with their dashes: those of the suite's methods in the order of their register."""

FURTHER_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#8C8C8C")
"""Of methods that are in none of the groups with a colour."""


def css_color(color: str) -> str:
    """A colour of six hexadecimal digits in a style sheet, where the page may be light or dark.

    Black is that of the page's text; others are lightened where the page is dark.
    """
    if color == "#000000":
        return "currentColor"
    return f"color-mix(in srgb, {color}, #fff var(--lift, 0%))"


@dataclass(frozen=True)
class Look:
    """How a method of a size is drawn.

    Attributes:
        filled: whether markers are; those of a method's smaller sizes are hollow.
    """

    label: str
    color: str
    marker: str
    linestyle: Dash
    filled: bool = True

    @property
    def line(self) -> dict[str, Any]:
        """The arguments of a line with markers."""
        return {
            "label": self.label,
            "color": self.color,
            "linestyle": self.linestyle,
            "marker": self.marker,
            "markerfacecolor": self.color if self.filled else "white",
            "linewidth": 1.2 if self.filled else 0.8,
        }


def look_of(names: Names, method: str, label: str = "", *, filled: bool = True) -> Look:
    """The look of a method: the colour of its group, and the marker of its place in the register.

    Custom methods have places behind it by their names, so that no run changes how a method looks.
    """
    record = names.method(method)
    custom = sorted(known.name for known in names.methods if known.position < 0)
    place = record.position
    if place < 0:
        place = len(names.methods) - len(custom) + (custom.index(method) if method in custom else 0)
    # Of 48 further methods no two have both the colour and the marker of another.
    marker, dash = MARKERS[(place + 3 * (place // len(MARKERS))) % len(MARKERS)]
    color = GROUP_COLOURS.get(record.group, FURTHER_COLOURS[place % len(FURTHER_COLOURS)])
    return Look(label, color, marker, dash, filled)


def looks(names: Names, contestants: Iterable[Contestant]) -> dict[Contestant, Look]:
    """The look of each method and size, of which the largest of a method is filled."""
    largest = {contestant.method: contestant for contestant in sorted(contestants, key=names.rank)}
    return {
        each: look_of(names, each.method, names.label(each), filled=each in largest.values())
        for each in contestants
    }
