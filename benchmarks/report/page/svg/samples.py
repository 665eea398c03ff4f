"""How each method is drawn, a short line with its marker, for legends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.report.page.svg.inline import definitions, svg_of
from benchmarks.report.style import Look

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
