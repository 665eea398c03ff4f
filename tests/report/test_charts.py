"""The charts of the page: SVG of matplotlib in the page's colours, whose values are told."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.report.figures import figures
from benchmarks.report.page.svg import Series, inline, svg_of
from benchmarks.report.results import Results
from benchmarks.report.style import SETTINGS, css_color
from benchmarks.schema import read_table, where, write_table
from tests.report.support import NAMES
from tests.report.test_page import copied, page_of

REPORT = Path(__file__).parents[2] / "benchmarks" / "report"


def drawn(label: str) -> Figure:
    """A line of three points, one of which is not finite."""
    figure = Figure()
    ax = figure.subplots()
    (line,) = ax.plot([0, 1, 2], [1, np.inf, 3], marker="o", color="#0072b2", gid="line")
    ax.set_title(label)
    assert line.get_marker() == "o"
    return figure


def in_page(figure: Figure, name: str, *tips: str) -> str:
    with rc_context(SETTINGS):
        series = {"line": Series("a-1", "A & B", tips)}
        return str(inline(svg_of(figure), name, 'says "so"', series))


def packed_in(page: str) -> dict[str, str]:
    (text,) = re.findall(r'id="packed">(.*?)</script>', page)
    parts: dict[str, str] = json.loads(gzip.decompress(b64decode(text)))
    return parts


def charts_in(html: str) -> list[str]:
    return re.findall(r'<figure class="chart">.*?</figure>', html, re.DOTALL)


def tips_of(chart: str, method: str) -> list[str]:
    """Those of a method, in the order of its markers."""
    root = ElementTree.fromstring(chart)
    (group,) = (
        one
        for one in root.iter("g")
        if one.get("data-series") == method and one.find(".//use[@data-tip]") is not None
    )
    return [one.attrib["data-tip"] for one in group.iter("use")]


def test_markers_have_their_texts_in_order_and_text_stays_text() -> None:
    element = ElementTree.fromstring(in_page(drawn("<b>&"), "one", "first", "<last>"))
    assert "<b>&" in [text.text for text in element.iter("text")]
    (group,) = (one for one in element.iter("g") if "data-series" in one.attrib)
    assert group.get("data-name") == "A & B"
    markers = [(one.get("data-tip"), float(one.attrib["x"])) for one in group.iter("use")]
    assert [tip for tip, _ in markers] == ["first", "<last>"]
    assert markers[0][1] < markers[1][1]
    assert element.get("aria-label") == 'says "so"'
    assert element.find(".//style") is None  # it would hold for the whole page
    with pytest.raises(ValueError, match="zip"):
        in_page(drawn("a"), "one", "first")


def test_ids_of_two_charts_differ_and_each_reference_has_its_target() -> None:
    ids = []
    for name in ("one", "two words"):
        svg = in_page(drawn("a"), name, "first", "last")
        mine = re.findall(r' id="([^"]+)"', svg)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) == set(mine)
        ids += mine
    assert len(ids) == len(set(ids)) > 2


def test_hatches_keep_their_patterns() -> None:
    figure = Figure()
    figure.subplots().bar([0], [1], facecolor="white", edgecolor="black", hatch="///")
    svg = inline(svg_of(figure), "one", "says", {})
    (pattern,) = re.findall(r'<pattern[^>]* id="([^"]+)"', svg)
    assert f"fill: url(#{pattern})" in svg
    assert pattern.startswith("one-")
    assert "#ffffff" not in svg


def test_colours_are_those_of_the_page() -> None:
    svg = in_page(drawn("a"), "one", "first", "last")
    styles = " ".join(re.findall(r'style="([^"]*)"', svg))
    assert "#000000" not in svg
    assert "#ffffff" not in svg
    assert "currentColor" in styles
    assert "font-family" not in styles
    assert set(re.findall("#[0-9a-f]{6}", styles)) == {"#0072b2"}
    assert css_color("#cccccc") == "color-mix(in srgb, currentColor 20%, var(--paper))"


def test_nothing_but_matplotlib_draws() -> None:
    for path in (*REPORT.rglob("*.py"), *REPORT.rglob("*.j2")):
        text = path.read_text(encoding="utf-8")
        assert not re.search("<(path|rect|circle|polyline|text|g)[ >]", text), path.name


def test_at_most_twelve_charts_are_in_the_page_and_others_packed(of_both: Path) -> None:
    page = (of_both / "index.html").read_text(encoding="utf-8")
    parts = packed_in(page)
    inline_charts = charts_in(page)
    assert 6 <= len(inline_charts) <= 12
    assert page.count("<figure") == len(inline_charts)
    of_article = [html for name, html in parts.items() if name.endswith("-article")]
    assert sum(len(charts_in(html)) for html in of_article) == len(inline_charts)
    assert not [name for name in parts if name.endswith("-standard")]
    assert sorted(re.findall(r'data-packed="([^"]+)"', page)) == sorted(parts)
    whole = page + "".join(parts.values())
    ids = re.findall(r' id="([^"]+)"', whole)
    assert len(ids) == len(set(ids))


def test_told_values_are_the_summarys_and_markers_lie_where_they_are(reported: Path) -> None:
    charts = charts_in((reported / "index.html").read_text(encoding="utf-8"))
    (chart,) = (one for one in charts if "<figcaption>Accuracy" in one)
    tips = tips_of(chart, "mc_dropout-8")
    summary = read_table(reported, "summary.csv")
    rows = summary[
        (summary["method"] == "mc_dropout")
        & (summary["members"] == "8")
        & (summary["metric"] == "accuracy")
    ].set_index("condition")["value"]
    names = ("clean", "rotated-030", "rotated-060", "rotated-120")
    labels = [NAMES.condition(name).label for name in names]
    assert [tip.split(": ")[0] for tip in tips] == labels
    told = [float(tip.split(": ")[1].split()[0]) for tip in tips]
    assert told == pytest.approx([rows[name] for name in names], abs=0.006)
    measured = read_table(reported, "measurements.csv")
    mine = where(measured, method="mc_dropout", members="8", condition="clean", metric="accuracy")
    ends = mine["value"]
    assert f"(2 replicates: {ends.min():.3f} to {ends.max():.3f})" in tips[0]
    root = ElementTree.fromstring(chart)
    (group,) = (
        one
        for one in root.iter("g")
        if one.get("data-series") == "mc_dropout-8" and one.find(".//use[@data-tip]") is not None
    )
    heights = [float(one.attrib["y"]) for one in group.iter("use")]
    slope, start = np.polyfit([rows[name] for name in names], heights, 1)
    assert slope < 0
    assert [start + slope * rows[name] for name in names] == pytest.approx(heights, abs=0.05)


def test_what_is_infinite_has_no_marker(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    summary = read_table(folder, "summary.csv")
    rows = (summary["method"] == "softmax") & (summary["metric"] == "nll")
    rows &= summary["condition"] == "rotated-060"
    summary.loc[rows, ["value", "lower", "upper"]] = np.inf
    write_table(summary, folder, "summary.csv")
    (chart,) = (one for one in charts_in(page_of(folder)) if "<figcaption>NLL" in one)
    tips = tips_of(chart, "softmax-1")
    assert [tip.split(": ")[0] for tip in tips] == ["Clean", "30°", "120°"]


def test_method_that_is_infinite_at_every_size_is_drawn_nowhere(
    timed: Path, tmp_path: Path
) -> None:
    """As votes of the members alone would be: a probability of 0 for some label."""
    folder = copied(timed, tmp_path / "run")
    summary = read_table(folder, "summary.csv")
    rows = (summary["method"] == "mc_dropout") & (summary["metric"] == "nll")
    summary.loc[rows, ["value", "lower", "upper"]] = np.inf
    write_table(summary, folder, "summary.csv")
    (section,) = re.findall(r'<section id="cost".*?</section>', page_of(folder), re.DOTALL)
    nll = charts_in(section)[0]
    assert "NLL" in nll
    assert 'data-tip="MC-dropout' not in nll
    assert len(tips_of(nll, "deep_ensemble-4")) == 2
    (drawing, *_) = (one for one in figures(Results.load(folder)) if one.name == "cost")
    for ax in drawing.figure.axes:
        assert np.isfinite(ax.get_ylim()).all()


def test_cost_tells_each_size_and_what_is_on_the_front(timed: Path, tmp_path: Path) -> None:
    page = page_of(copied(timed, tmp_path / "run"))
    (section,) = re.findall(r'<section id="cost".*?</section>', page, re.DOTALL)
    nll = charts_in(section)[0]
    tips = tips_of(nll, "mc_dropout-8")
    assert re.findall(r" in (\d+) ms", " ".join(tips)) == ["1", "2", "4", "8"]
    assert [tip.split(": ")[0] for tip in tips[1:]] == [
        f"MC-dropout, T = {size}" for size in (2, 4, 8)
    ]
    assert len(tips_of(nll, "softmax-1")) == 1
    assert len(tips_of(nll, "deep_ensemble-4")) == 2
    assert "A Processor, engine numba, threads 1" in section


def test_every_figure_of_the_run_is_linked(reported: Path) -> None:
    page = (reported / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="figures/([^"]+\.png)"', page))
    assert {path.name for path in (reported / "figures").glob("*.png")} <= linked
