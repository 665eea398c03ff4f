"""What figures show, against the run's tables; and how they are drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.nouns import Variant
from benchmarks.report.figures import (
    detection,
    reliability,
    risk_coverage,
    severity,
    votes,
)
from benchmarks.report.numbers.replicates import of_replicates
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.schema import read_table, where
from tests.report.support import NAMES, nouns


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported).of_recipe("standard")


def numbers(folder: Path, name: str) -> pd.DataFrame:
    return read_table(folder / "figures", f"{name}-standard.csv")


def summary_of(folder: Path, metric: str) -> pd.Series:
    table = read_table(folder, "summary.csv")
    table = table[(table["metric"] == metric) & table["score"].isin(["", "predictive_entropy"])]
    return table.set_index(["method", "members", "condition"])["value"]


def test_lines_over_severities_are_the_summarys_values(reported: Path) -> None:
    drawn = numbers(reported, "rotated")
    assert set(drawn["severity"]) == {0, 30, 60, 120}
    for metric, lines in drawn.groupby("metric"):
        expected = summary_of(reported, str(metric))
        for row in lines.itertuples():
            condition = f"rotated-{row.severity:03.0f}" if row.severity else "clean"
            assert row.condition == condition
            assert row.value == expected.loc[(row.method, row.members, condition)]


def test_split_adds_up_to_the_predictive_entropy(reported: Path) -> None:
    drawn = numbers(reported, "entropy-split")
    total = summary_of(reported, "predictive_entropy")
    several = drawn[drawn["method"] != "softmax"]
    for row in several.itertuples():
        both = row.expected_entropy + row.mutual_information
        assert both == pytest.approx(total.loc[(row.method, row.members, row.condition)])
    assert drawn.loc[drawn["method"] == "softmax", "mutual_information"].isna().all()


def test_smaller_sizes_have_no_panel_but_a_hollow_line(results: Results) -> None:
    small, large = Variant("mc_dropout", "3"), Variant("mc_dropout", "8")
    assert small in results.shown
    assert small not in results.largest
    look = looks(results.names, results.shown)
    assert look[small].color == look[large].color
    assert look[small].marker == look[large].marker
    assert (look[small].filled, look[large].filled) == (False, True)


def test_methods_differ_in_colour_marker_and_dash() -> None:
    names = ["softmax", "mc_dropout", "mc_dropout_exact", "deep_ensemble", "a", "b", "c", "d"]
    found = looks(NAMES, [Variant(name, "2") for name in names]).values()
    assert len({look.marker for look in found}) == len(names)
    assert len({(look.color, look.linestyle) for look in found}) == len(names)


def test_methods_of_a_family_share_its_colour_and_differ_in_marker_and_dash() -> None:
    names = nouns(methods=("softmax", "mc_dropout", "mc_dropout_exact", "deep_ensemble"))
    one, other, ensemble = (
        looks(names, [Variant(name, "4")])[Variant(name, "4")]
        for name in ("mc_dropout", "mc_dropout_exact", "deep_ensemble")
    )
    assert one.color == other.color != ensemble.color
    assert one.marker != other.marker
    assert one.linestyle != other.linestyle


def test_looks_do_not_change_with_the_other_methods() -> None:
    ensemble = Variant("deep_ensemble", "5")
    alone = looks(NAMES, [ensemble])[ensemble]
    others = [Variant("zzz", "1"), Variant("softmax", "1")]
    assert looks(NAMES, [*others, ensemble])[ensemble] == alone


def test_range_of_ill_defined_labels_is_shaded_with_the_reason(results: Results) -> None:
    printed, look = results.names.printed("accuracy"), looks(results.names, results.shown)
    lines, scale = severity.lines(results, "rotated"), severity.scale_of(results, "rotated")
    assert scale.severities == [0, 30, 60, 120]
    thin = of_replicates(results, lines, "severity")
    ax = severity.draw(Figure().subplots(), lines, "accuracy", printed, scale, look, thin)
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (60, 123)
    assert [text.get_text() for text in ax.texts] == ["labels ill-defined:\n6 and 9 swap"]
    summary = results.summary[results.summary["condition"] != "rotated-120"]
    scale = severity.scale_of(replace(results, summary=summary), "rotated")
    assert scale.severities == [0, 30, 60]
    certain = severity.draw(Figure().subplots(), lines, "accuracy", printed, scale, look, thin)
    assert not certain.patches
    assert not certain.texts


def test_methods_with_infinite_values_are_named(results: Results) -> None:
    printed, look = results.names.printed("nll"), looks(results.names, results.shown)
    lines, scale = severity.lines(results, "rotated"), severity.scale_of(results, "rotated")
    thin = of_replicates(results, lines, "severity")
    worst = (lines["method"] == "softmax") & (lines["severity"] == 60) & (lines["metric"] == "nll")
    lines = lines.assign(value=lines["value"].mask(worst, math.inf))
    ax = severity.draw(Figure().subplots(), lines, "nll", printed, scale, look, thin)
    assert "not drawn where infinite:\nSoftmax" in {text.get_text() for text in ax.texts}
    ax = severity.draw(Figure().subplots(), lines, "accuracy", printed, scale, look, thin)
    assert not any("infinite" in text.get_text() for text in ax.texts)


def test_images_below_severities_are_square_however_wide_the_figure(results: Results) -> None:
    digit = results.curve("example_image")
    digit = digit.assign(severity=digit["condition"].map({"clean": 0, "rotated-030": 30}))
    digit = digit.dropna(subset="severity")
    figure = Figure(figsize=(12, 1))
    ax = figure.subplots()
    votes.draw_images(ax, results, digit, severity.scale_of(results, "rotated"))
    figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in ax.child_axes]
    assert len(boxes) == 2
    assert all(round(box.width - box.height, 3) == 0 for box in boxes)


def test_a_single_replicate_has_a_band_or_bars_and_several_have_lines(
    make_run: Any, measured: Path
) -> None:
    for replicates, folder in ((1, make_run(replicates=1)), (2, measured)):
        results = Results.load(folder).of_recipe("standard")
        look = looks(results.names, results.shown)
        for draw, name in ((detection.draw_roc, "roc"), (risk_coverage.draw, "risk_coverage")):
            numbers = results.curve(name)
            numbers = numbers[numbers["condition"] == numbers["condition"].iloc[0]]
            ax = draw(Figure().subplots(), numbers, look)
            widths = [line.get_linewidth() for line in ax.lines]
            counts = numbers.groupby(["method", "members"])["replicate"].nunique()
            assert counts.max() == replicates
            assert widths.count(0.5) == counts[counts > 1].sum()
            bands = [path for band in ax.collections for path in band.get_paths()]
            assert len(bands) == (counts == 1).sum()
        bins = results.curve("reliability")
        bins = bins[bins["condition"] == "clean"]
        bars = reliability.draw(Figure().subplots(), bins, look).collections
        full = bins["accuracy_lower"].notna() & (bins["count"] >= reliability.FEWEST)
        assert sum(len(bar.get_paths()) for bar in bars) == full.sum()
        several = bins["method"].isin(["softmax", "mc_dropout"])
        assert bins[several]["accuracy_lower"].isna().all() == (replicates > 1)


def test_an_outlier_is_drawn(results: Results) -> None:
    rows = where(results.measured, method="mc_dropout", members="8", replicate=1, metric="ece")
    changed = replace(results, measured=results.measured.copy())
    changed.measured.loc[rows.index, "value"] = 0.95
    lines, scale = severity.lines(changed, "rotated"), severity.scale_of(changed, "rotated")
    thin = of_replicates(changed, lines, "severity")
    printed, look = changed.names.printed("ece"), looks(changed.names, changed.shown)
    ax = severity.draw(Figure().subplots(), lines, "ece", printed, scale, look, thin)
    assert [0.95] * 4 in [list(line.get_ydata()) for line in ax.lines]
    assert ax.get_ylim()[1] > 0.95


def test_a_mean_has_an_interval_where_replicates_are_one_or_many(results: Results) -> None:
    for replicates, has_interval in ((1, True), (2, False), (4, False), (5, True)):
        of_many = replace(results, summary=results.summary.assign(replicates=replicates))
        bounds = severity.lines(of_many, "rotated")[["lower", "upper"]]
        assert bounds.notna().any(axis=None) == has_interval


def test_training_curves_are_mean_and_range_of_the_networks(reported: Path) -> None:
    drawn = numbers(reported, "training").set_index(["measure", "split", "epoch"])
    row = drawn.loc[("accuracy_dropout_on", "training", 2)]
    assert tuple(row[["mean", "least", "most"]]) == pytest.approx((0.821, 0.82, 0.822))
    assert ("accuracy_dropout_on", "validation", 2) not in drawn.index


def test_training_curves_are_of_the_same_images_at_every_epoch(reported: Path) -> None:
    drawn = numbers(reported, "training")
    assert set(drawn["split"]) == {"training", "validation"}
    assert (drawn["images"] == 10_000).all()
    legend = (reported / "figures" / "training-standard.svg").read_text()
    assert "Training (10,000 images)" in legend
    assert "Test (10,000 images)" in legend


def test_figures_are_small_have_print_resolution_and_text_as_text(reported: Path) -> None:
    for path in sorted((reported / "figures").glob("*.png")):
        with Image.open(path) as image:
            assert np.allclose(image.info["dpi"], 200, atol=0.1)
            assert image.width in (660, 920, 1380), path.name
        assert path.stat().st_size < 150_000
    assert "MC-dropout, T = 8" in (reported / "figures" / "rotated-standard.svg").read_text()


def test_drawings_can_stand_in_one_page_which_shows_their_titles(reported: Path) -> None:
    for path in sorted((reported / "figures").glob("*.svg")):
        root = ElementTree.fromstring(path.read_text())
        assert root.get("aria-label")
        for element in root.iter():
            assert element.get("id", path.stem).startswith(path.stem)
            target = element.get("{http://www.w3.org/1999/xlink}href", f"#{path.stem}")
            assert target.startswith((f"#{path.stem}", "data:image/png"))
        assert path.stat().st_size < 170_000
