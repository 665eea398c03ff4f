"""What figures show, against the run's tables; and how they are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.records import read_table
from benchmarks.report.figures import (
    detection,
    entropy_split,
    reliability,
    risk_coverage,
    rotation,
    training,
    votes,
)
from benchmarks.report.figures.drawing import rows_of, show_image
from benchmarks.report.names import Variant, angle_of, rotated
from benchmarks.report.results import Results
from benchmarks.report.style import looks


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported).of_recipe("standard")


def numbers(folder: Path, name: str) -> pd.DataFrame:
    return read_table(folder / "figures" / f"{name}-standard.csv")


def summary_of(folder: Path, metric: str) -> pd.Series:
    table = read_table(folder / "summary.csv")
    return table[table["metric"] == metric].set_index(["method", "members", "condition"])["value"]


def test_lines_over_rotation_are_the_summarys_values(reported: Path) -> None:
    drawn = numbers(reported, "rotation")
    assert set(drawn["angle"]) == {0, 30, 60, 120}
    for metric, lines in drawn.groupby("metric"):
        expected = summary_of(reported, str(metric))
        for row in lines.itertuples():
            key = (row.method, row.members, rotated(int(row.angle)))
            assert row.value == expected.loc[key]
    alone = drawn[drawn["metric"] == "ece"].reset_index(drop=True)
    pd.testing.assert_frame_equal(numbers(reported, "rotation-ece"), alone)


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
    look = looks(results.shown)
    assert look[small].color == look[large].color
    assert look[small].marker == look[large].marker
    assert (look[small].filled, look[large].filled) == (False, True)


def test_methods_differ_in_colour_marker_and_dash() -> None:
    names = ["softmax", "mc_dropout", "mc_dropout_exact", "deep_ensemble", "a", "b", "c", "d"]
    found = looks([Variant(name, "2") for name in names]).values()
    for part in ("color", "marker"):
        assert len({getattr(look, part) for look in found}) == len(names)
    assert len({(look.color, look.linestyle) for look in found}) == len(names)


def test_looks_do_not_change_with_the_other_methods() -> None:
    ensemble = Variant("deep_ensemble", "5")
    alone = looks([ensemble])[ensemble]
    assert looks([Variant("zzz", "1"), Variant("softmax", "1"), ensemble])[ensemble] == alone


def test_range_of_ill_defined_labels_is_shaded_with_the_reason(results: Results) -> None:
    ax = Figure().subplots()
    rotation.draw(ax, rotation.lines(results), "accuracy", looks(results.shown))
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (90, 124)
    assert [text.get_text() for text in ax.texts] == ["labels ill-defined:\n6 and 9 swap"]
    lines = rotation.lines(results)
    certain = rotation.draw(
        Figure().subplots(), lines[lines["angle"] <= 90], "accuracy", looks(results.shown)
    )
    assert not certain.patches
    assert not certain.texts


def test_draw_functions_take_an_axes_and_return_it(results: Results) -> None:
    look = looks(results.shown)
    one = look[Variant("deep_ensemble", "4")]
    digit = results.curve("rotated_digit")
    digit = digit.assign(angle=digit["condition"].map(angle_of))
    assert not results.training.empty
    for draw, *arguments in (
        (rotation.draw, rotation.lines(results), "nll", look),
        (entropy_split.draw, entropy_split.parts(results).head(3), one),
        (reliability.draw, results.curve("reliability"), look),
        (reliability.draw_counts, results.curve("reliability"), look),
        (detection.draw_roc, results.curve("roc"), look),
        (detection.draw_histogram, results.curve("histograms"), "ood-uniform_noise", one),
        (risk_coverage.draw, results.curve("risk_coverage"), look),
        (votes.draw_rotation, digit, one),
        (votes.draw_images, results, digit),
        (votes.draw_votes, results.curve("high_disagreement"), look),
        (training.draw, training.over_networks(results.training), "accuracy"),
        (show_image, None),
    ):
        ax = Figure().subplots()
        assert draw(ax, *arguments) is ax


def test_curves_have_bands_and_bins_have_bars(results: Results) -> None:
    look = looks(results.shown)
    for draw, name in ((detection.draw_roc, "roc"), (risk_coverage.draw, "risk_coverage")):
        numbers = results.curve(name)
        drawn = [variant for variant in look if not rows_of(numbers, variant).empty]
        assert len(draw(Figure().subplots(), numbers, look).collections) == len(drawn)
    bins = results.curve("reliability")
    bars = reliability.draw(Figure().subplots(), bins, look).collections
    full = bins[bins["count"] >= reliability.FEWEST]
    assert sum(len(bar.get_paths()) for bar in bars) == len(full)


def test_curves_of_runs_that_are_older_than_bands_are_drawn_without(results: Results) -> None:
    look = looks(results.shown)
    for draw, name, bounds in (
        (detection.draw_roc, "roc", ["lower", "upper"]),
        (risk_coverage.draw, "risk_coverage", ["lower", "upper"]),
        (reliability.draw, "reliability", ["accuracy_lower", "accuracy_upper"]),
    ):
        ax = draw(Figure().subplots(), results.curve(name).drop(columns=bounds), look)
        assert ax.lines
        assert not ax.collections


def test_training_curves_are_mean_and_range_of_the_networks(reported: Path) -> None:
    drawn = numbers(reported, "training").set_index(["measure", "split", "epoch"])
    row = drawn.loc[("accuracy_dropout_on", "validation", 2)]
    assert tuple(row[["mean", "least", "most"]]) == pytest.approx((0.821, 0.82, 0.822))


def test_figures_are_small_have_print_resolution_and_text_as_text(reported: Path) -> None:
    for path in sorted((reported / "figures").glob("*.png")):
        with Image.open(path) as image:
            assert np.allclose(image.info["dpi"], 200, atol=0.1)
            assert image.width in (660, 920, 1380), path.name
        assert path.stat().st_size < 150_000
    assert "MC-dropout, T = 8" in (reported / "figures" / "rotation-standard.svg").read_text()
