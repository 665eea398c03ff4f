"""How everything looks: a colour for each family of methods, and the sizes of print.

Colours are those of Okabe & Ito (2008), and of Tol (2021, "muted") for further families, which the
colour-blind can distinguish. Markers and dashes distinguish the methods of a family, and all
methods in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.nouns import Names, Variant
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

DASHES = (0.0, (4.0, 2.0))
"""Of lines to compare with, which are no method's."""

SMALLEST = 6
"""Points of the smallest letters."""

SHADE = "0.9"
"""Of the range in which labels are not well defined."""

BAND = 0.15
"""How opaque intervals are; those of a method's smaller sizes are half as much."""


THIN = 0.5
"""How opaque lines and points of replicates are; those of a smaller size are half as much."""


def css_color(color: str) -> str:
    """A colour of six hexadecimal digits in a style sheet, where the page may be light or dark.

    Black and greys are between the page's text and paper; others are lightened where it is dark.

    >>> css_color("#000000"), css_color("#ffffff")
    ('currentColor', 'var(--paper)')
    """
    if color == "#000000":
        return "currentColor"
    if color == "#ffffff":
        return "var(--paper)"
    if color[1:3] == color[3:5] == color[5:7]:
        share = round(100 * (1 - int(color[1:3], 16) / 255))
        return f"color-mix(in srgb, currentColor {share}%, var(--paper))"
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
    linestyle: str | tuple[float, tuple[float, ...]]
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

    @property
    def unlisted(self) -> str:
        """The label of what legends leave out, by which one knows whose it is."""
        return f"_{self.label}"

    @property
    def curve(self) -> dict[str, Any]:
        """The arguments of a line of many points, of which only some have a marker."""
        return self.line | {"markevery": 0.25, "markersize": 3.0}

    @property
    def thin(self) -> dict[str, Any]:
        """The arguments of a replicate's line, below that of the mean."""
        alpha = THIN if self.filled else THIN / 2
        style = {"color": self.color, "linewidth": 0.5, "alpha": alpha, "zorder": 1.5}
        return style | {"label": self.unlisted}

    @property
    def point(self) -> dict[str, Any]:
        """The arguments of the points of replicates, where these have no line."""
        return self.thin | {"linestyle": "none", "markersize": 4.0, "markeredgewidth": 0}


_DASHED, _DASH_DOTTED = (0.0, (4.0, 1.5)), (0.0, (4.0, 1.2, 1.0, 1.2))
_DOTTED, _LONG = (0.0, (1.0, 1.2)), (0.0, (8.0, 1.5))

_LOOKS = (
    Look("", "#000000", "s", _DOTTED),
    Look("", "#0072B2", "o", "-"),
    Look("", "#56B4E9", "D", _DASH_DOTTED),
    Look("", "#D55E00", "^", _DASHED),
    Look("", "#882255", "s", _LONG),
    Look("", "#332288", "P", _LONG),
    Look("", "#661100", "v", _LONG),
    Look("", "#44AA99", "<", _DASH_DOTTED),
    Look("", "#117733", ">", _DASHED),
    Look("", "#AA4499", "p", _DOTTED),
    Look("", "#999933", "h", "-"),
    Look("", "#6699CC", "d", _DASHED),
)
"""Of the suite's methods, in the order of their register."""

_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#8C8C8C")
_MARKERS = ("v", "P", "X", "*", "o", "s", "^", "D", "<", ">", "p", "h")
_DASHES = (_DASH_DOTTED, (0.0, (6.0, 1.5, 1.0, 1.5, 1.0, 1.5)), (0.0, (2.0, 1.0)), "-")
"""Of further methods of the register, then of custom ones by name."""


def _spare_look(number: int) -> Look:
    """No two of the first 48 have both the colour and the marker of another.

    >>> len({(look.color, look.marker) for look in map(_spare_look, range(48))})
    48
    """
    marker = _MARKERS[(number + number // 4) % len(_MARKERS)]
    return Look("", _COLOURS[number % 4], marker, _DASHES[number % 4])


def look_in(looks: Mapping[Variant, Look], variant: Variant) -> Look:
    """The look of a size; of one without its own, that of the method's largest."""
    of_method = [look for other, look in looks.items() if other.method == variant.method]
    return looks.get(variant, of_method[-1])


def look_of(names: Names, method: str, custom: Sequence[str] = ()) -> Look:
    """The look of a method whatever its size, without a label.

    Args:
        custom: the names of all methods of the run that are not the suite's.
    """
    record = names.method(method)
    look = _own_look(names, method, custom)
    return replace(look, color=GROUP_COLOURS.get(record.group, look.color))


def _own_look(names: Names, method: str, custom: Sequence[str]) -> Look:
    position = names.method(method).position
    if 0 <= position < len(_LOOKS):
        return _LOOKS[position]
    if position < 0:
        registered = 1 + max((one.position for one in names.methods), default=-1)
        position = max(registered, len(_LOOKS)) + sorted(custom).index(method)
    return _spare_look(position - len(_LOOKS))


def looks(names: Names, variants: Sequence[Variant]) -> dict[Variant, Look]:
    """The look of each method and size; all of a run's must be given, so that none changes."""
    custom = {v.method for v in variants if names.method(v.method).position < 0}
    largest = {variant.method: variant for variant in sorted(variants, key=names.rank)}
    return {
        variant: replace(
            look_of(names, variant.method, sorted(custom)),
            label=names.label(variant),
            filled=variant == largest[variant.method],
        )
        for variant in variants
    }
