"""Names beside points, where they cover least."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes


class PointName(NamedTuple):
    """A name that is to stand beside a point."""

    x: float
    y: float
    text: str
    color: str
    is_bold: bool = False


PLACES = (*((1, 0), (-1, 0), (0, 1), (0, -1)), *((1, 1), (1, -1), (-1, 1), (-1, -1)))
"""On which side of its point a name can stand, the best first: right and left, above and below."""

NEAR, *FAR = 5.0, 14.0, 26.0
"""How many points away; from far a thin line leads to the point."""

LINE_COST = 5
"""How much worse it is to cover something with that line than with letters, by area."""


Box = tuple[float, float, float, float]
"""Left, bottom, right and top of what is taken, in points."""


def _dot(x: float, y: float) -> Box:
    """A part of a line."""
    return x - 1.5, y - 1.5, x + 1.5, y + 1.5


def beside_points(ax: Axes, labels: Sequence[PointName], size: float = 6.5) -> None:
    """Names beside points, each at the first place that is free, or where least is covered.

    Lines that are drawn already count as covered. The axes have their limits, and their layout is
    about what it will be.

    Args:
        size: of the letters, in points.
    """
    sheet = ax.get_figure(root=True)
    assert sheet is not None
    sheet.draw_without_rendering()
    scale = 72 / sheet.dpi
    at = [scale * ax.transData.transform((label.x, label.y)) for label in labels]
    left, bottom, right, top = (scale * end for end in ax.bbox.extents)
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in at]
    for line in ax.lines:
        ends = scale * line.get_transform().transform(line.get_xydata())
        for share in np.linspace(0, 1, 50):
            taken += [_dot(x, y) for x, y in ends[:-1] + share * np.diff(ends, axis=0)]

    def covered(box: Box) -> float:
        inside = max(0.0, left - box[0]) + max(0.0, box[2] - right)
        inside += max(0.0, bottom - box[1]) + max(0.0, box[3] - top)
        shared: float = sum(
            max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
            * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
            for other in taken
        )
        return 100 * inside + shared

    def cost(box: Box, *line: Box) -> float:
        return covered(box) + LINE_COST * sum(map(covered, line))

    for (x, y), label in sorted(zip(at, labels, strict=True), key=lambda pair: -len(pair[1].text)):
        width, height = (0.67 if label.is_bold else 0.58) * size * len(label.text), 1.1 * size
        boxes: dict[tuple[float, int, int], list[Box]] = {}
        for away, (h, v) in product((NEAR, *FAR), PLACES):
            start = x + h * away - (0 if h > 0 else width if h < 0 else width / 2)
            below = y + v * (away + (0 if h else 2)) - height / 2
            boxes[away, h, v] = [(start, below, start + width, below + height)]
            for share in np.linspace(5 / away, 1, 10) if away != NEAR else ():
                middle = start + width / 2 - x, below + height / 2 - y
                boxes[away, h, v].append(_dot(x + share * middle[0], y + share * middle[1]))
        place = min(boxes, key=lambda place: cost(*boxes[place]))
        taken += boxes[place]
        away, h, _ = place
        align = {1: "left", -1: "right", 0: "center"}[h]
        style: Any = {"textcoords": "offset points", "fontsize": size, "color": label.color}
        style["weight"] = "bold" if label.is_bold else "normal"
        if away != NEAR:
            style["arrowprops"] = {"arrowstyle": "-", "color": label.color, "linewidth": 0.4}
        offset = (h * away, boxes[place][0][1] + height / 2 - y)
        ax.annotate(label.text, (label.x, label.y), offset, ha=align, va="center_baseline", **style)
