"""A chart in pixels, before it is drawn as SVG: axes, and lines with markers, bands, replicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from matplotlib.ticker import MaxNLocator

from benchmarks.report.names import Variant
from benchmarks.report.number_format import rounded
from benchmarks.report.style import Look

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 352, 12, 204
"""The edges of the plot on the canvas, in pixels where it is as wide as drawn."""

INK = "#000000"
"""The colour of style.py that is light on a dark page."""

FEW_DECADES = 3
"""Below so many, a logarithmic axis has ticks between the powers of ten."""

_SOLID = "-"

_LOCATOR = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])


class Tick(NamedTuple):
    """A position on an axis, in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """From values to pixels.

    Attributes:
        label: what it shows, with its unit.
        low, high: the values at its ends.
        start, end: the pixels at its ends.
        ticks_at: the values of its ticks; empty: round ones.
        logarithmic: in steps of ten.
    """

    label: str
    low: float
    high: float
    start: float
    end: float
    ticks_at: tuple[float, ...] = ()
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; one beyond the axis lies at its end."""
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Those within the axis."""
        return [
            Tick(self.at(value), f"{value:,.6g}")
            for value in self.ticks_at or self._round_values()
            if self.low <= value <= self.high
        ]

    def _round_values(self) -> Sequence[float]:
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
            steps = (1, 2, 5) if last - first < FEW_DECADES else (1,)
            return [step * 10.0**power for power in range(first, last + 1) for step in steps]
        return [round(float(v), 9) for v in _LOCATOR.tick_values(self.low, self.high)]


def x_axis(label: str, low: float, high: float, *, ticks_at: tuple[float, ...] = ()) -> Axis:
    """The axis below."""
    return Axis(label, low, high, LEFT, RIGHT, ticks_at)


def log_axis(label: str, low: float, high: float) -> Axis:
    """The axis below, in steps of ten."""
    return Axis(label, low, high, LEFT, RIGHT, logarithmic=True)


def y_axis(label: str, low: float, high: float) -> Axis:
    """The axis on the left."""
    return Axis(label, low, high, BOTTOM, TOP)


class Point(NamedTuple):
    """A value, and the bounds of its interval (NaN: none).

    ``tip`` is its tooltip, without which it has no marker; ``note`` is written beside it.
    """

    x: float
    y: float
    lower: float = math.nan
    upper: float = math.nan
    tip: str = ""
    note: str = ""


class Mark(NamedTuple):
    """A marker: its position in pixels, its tooltip, and what is written beside it."""

    x: float
    y: float
    tip: str
    note: str


@dataclass(frozen=True)
class Line:
    """A method's line, in pixels.

    Attributes:
        key: of its method and size, for the switch that hides it.
        line, band: the paths; the band is empty where there is no interval.
        thin: the path of all replicates; empty where there is a single one.
    """

    key: str
    look: Look
    line: str
    band: str
    marks: tuple[Mark, ...]
    thin: str = ""


@dataclass(frozen=True)
class Chart:
    """All that is drawn, in pixels.

    Attributes:
        title: above it.
        description: what it shows, for screen readers.
        shaded: the ends of the range in which the background is shaded.
        dotted: the path of what lines are compared with, such as chance; empty: none.
        front: the path of a Pareto front; empty: none.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    shaded: tuple[float, float] | None = None
    dotted: str = ""
    front: str = ""


def line(
    look: Look,
    variant: Variant,
    points: Iterable[Point],
    x: Axis,
    y: Axis,
    replicates: Iterable[Iterable[tuple[float, float]]] = (),
) -> Line:
    """The line through the points; a value that is not finite interrupts it.

    Args:
        replicates: the values through which the line of each replicate goes.
    """
    drawn = list(points)
    finite = _runs(drawn, lambda p: math.isfinite(p.y))
    bounded = _runs(drawn, lambda p: math.isfinite(p.y + p.lower + p.upper))
    return Line(
        key=key(variant),
        look=look,
        line="".join(path((x.at(p.x), y.at(p.y)) for p in run) for run in finite),
        band="".join(
            path(
                [(x.at(p.x), y.at(p.upper)) for p in run]
                + [(x.at(p.x), y.at(p.lower)) for p in reversed(run)]
            )
            for run in bounded
        ),
        marks=tuple(
            Mark(x.at(p.x), y.at(p.y), p.tip, p.note) for run in finite for p in run if p.tip
        ),
        thin="".join(
            path((x.at(a), y.at(b)) for a, b in one if math.isfinite(b)) for one in replicates
        ),
    )


def _runs(points: Iterable[Point], known: Callable[[Point], bool]) -> list[list[Point]]:
    """The runs of points that are known."""
    return [list(run) for is_known, run in groupby(points, known) if is_known]


def range_of(row: Mapping[Any, Any]) -> str:
    """What a tooltip says of the replicates of a mean, as `with_ranges` has them."""
    if math.isnan(row["of"]):
        return ""
    least, most = (rounded(row[end])[0] for end in ("least", "most"))
    return f" ({row['of']:g} replicates: {least} to {most})"


def key(variant: Variant) -> str:
    """Of a method and size.

    >>> key(Variant("mc_dropout", "100"))
    'mc_dropout-100'
    """
    return f"{variant.method}-{variant.members}"


def color(look: Look) -> str:
    """The look's colour; black is the ink of the page, light or dark."""
    return "var(--ink)" if look.color == INK else look.color


def dashes(look: Look) -> str:
    """The look's dashes as SVG writes them, in pixels; style.py has them in widths of the line."""
    if isinstance(look.linestyle, str):
        return "none" if look.linestyle == _SOLID else look.linestyle
    return " ".join(f"{2 * length:g}" for length in look.linestyle[1])


def path(points: Iterable[tuple[float, float]]) -> str:
    """Through points in pixels; empty where there are none."""
    joined = "L".join(f"{x:g} {y:g}" for x, y in points)
    return joined and f"M{joined}"
