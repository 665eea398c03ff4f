"""A figure as SVG: what is cut off is the title alone."""

from __future__ import annotations

import re

from matplotlib.figure import Figure

from benchmarks.report.figures.engine import in_print
from benchmarks.report.figures.files import TITLE, svg_and_png


def test_svg_begins_between_the_title_and_the_panels() -> None:
    with in_print():
        figure = Figure(figsize=(4, 3), layout="constrained")
        figure.subplots().set_title("panel")
        figure.suptitle("title", gid=TITLE)
        svg, _ = svg_and_png(figure, "name", "title")
    (above,) = re.findall(r'viewBox="0 ([\d.]+)', svg)
    (size,) = re.findall(r"font-size: ([\d.]+)px[^>]*>panel<", svg)
    (baseline,) = re.findall(r'(?: y="|translate\([\d.]+ )([\d.]+)[^>]*>panel<', svg)
    assert ">title<" not in svg
    assert 0 < float(above) < float(baseline) - 0.8 * float(size)
