"""What figures show, against the run's tables; and how they are drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.offsetbox import OffsetImage
from PIL import Image

from benchmarks.io import UserError
from benchmarks.nouns import MethodRecord, Variant
from benchmarks.report.figures import Drawing, draw_figure, drawn_figures, figure
from benchmarks.report.figures.numbers import mean_bins, mean_curve
from benchmarks.report.results import Quantity, Results
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


def test_methods_differ_in_colour_and_marker() -> None:
    custom = tuple(MethodRecord(f"mine_{number}", "") for number in range(30))
    names = replace(NAMES, methods=NAMES.methods + custom)
    shown = looks(names, [Variant(method.name, "2") for method in names.methods]).values()
    assert len({(look.color, look.marker) for look in shown}) == len(names.methods)


def test_methods_of_a_family_share_its_colour_and_differ_in_marker_and_dash() -> None:
    names = nouns(methods=("softmax", "mc_dropout", "mc_dropout_exact", "deep_ensemble"))
    one, other, ensemble = (
        looks(names, [Variant(name, "4")])[Variant(name, "4")]
        for name in ("mc_dropout", "mc_dropout_exact", "deep_ensemble")
    )
    assert one.color == other.color != ensemble.color
    assert one.marker != other.marker
    assert one.linestyle != other.linestyle


def drawing(results: Results, name: str, **chosen: Any) -> Drawing:
    return draw_figure(results, name, **chosen)


def panel(drawn: Drawing, label: str) -> Axes:
    """The panel with this label at its axis of values, or with this title."""
    (found, *_) = [ax for ax in drawn.figure.axes if label in (ax.get_ylabel(), ax.get_title())]
    return found


def test_range_of_ill_defined_labels_is_shaded_with_the_reason(results: Results) -> None:
    drawn = drawing(results, "rotated")
    (shade,) = panel(drawn, "Accuracy").patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (60, 123)
    labels = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert "Labels ill-defined (6 and 9 swap)" in labels
    summary = results.summary[results.summary["condition"] != "rotated-120"]
    assert not panel(drawing(replace(results, summary=summary), "rotated"), "Accuracy").patches


def test_methods_with_infinite_values_are_named(results: Results) -> None:
    worst = {"method": "softmax", "condition": "rotated-060", "metric": "nll"}
    summary = results.summary.copy()
    summary.loc[where(summary, **worst).index, "value"] = math.inf
    drawn = drawing(replace(results, summary=summary), "rotated")
    texts = {text.get_text() for text in panel(drawn, "NLL (nats)").texts}
    assert texts == {"not drawn where infinite:\nSoftmax"}
    assert not panel(drawn, "Accuracy").texts


def test_images_stand_below_severities_and_above_votes(results: Results) -> None:
    for name, count in (("rotated-votes", 4), ("high-disagreement", 12)):
        drawn = drawing(results, name)
        drawn.figure.draw_without_rendering()
        boxes = [image.get_window_extent() for image in drawn.figure.findobj(OffsetImage)]
        assert len(boxes) == count
        assert all(round(box.width - box.height, 3) == 0 for box in boxes)


def test_a_single_replicate_has_a_band_and_several_have_lines(
    make_run: Any, measured: Path
) -> None:
    for replicates, folder in ((1, make_run(replicates=1)), (2, measured)):
        results = Results.load(folder).of_recipe("standard")
        for name, table in (("roc", "roc"), ("risk-coverage", "risk_coverage")):
            numbers = results.curve(table)
            ax = drawing(results, name).figure.axes[0]
            counts = (
                where(numbers, condition=numbers["condition"].iloc[0])
                .groupby(["method", "members"])["replicate"]
                .nunique()
            )
            counts = counts[[variant for variant in results.largest if variant in counts.index]]
            thin = [line for line in ax.lines if line.get_linewidth() == 0.5]
            assert len(thin) == counts[counts > 1].sum()
            assert len(ax.collections) == (counts == 1).sum()
            assert counts.max() == replicates


def test_replicates_are_drawn_where_their_mean_has_no_interval(results: Results) -> None:
    for replicates, has_interval in ((1, True), (2, False), (4, False), (5, True)):
        of_many = replace(results, summary=results.summary.assign(replicates=replicates))
        drawn = drawing(of_many, "rotated", metrics=["ece"])
        assert drawn.numbers["lower"].notna().any() == has_interval
        thin = [line for line in drawn.figure.axes[0].lines if line.get_linewidth() == 0.5]
        assert bool(thin) != has_interval


def test_an_outlier_is_drawn(results: Results) -> None:
    rows = where(results.measured, method="mc_dropout", members="8", replicate=1, metric="ece")
    changed = replace(results, measured=results.measured.copy())
    changed.measured.loc[rows.index, "value"] = 0.95
    ax = panel(drawing(changed, "rotated"), "ECE")
    assert [0.95] * 4 in [list(line.get_ydata()) for line in ax.lines]
    assert ax.get_ylim()[1] > 0.95


def test_errors_of_abstaining_are_the_measured_ones_in_percent(
    reported: Path, results: Results
) -> None:
    drawn = where(numbers(reported, "abstaining"), condition="clean")
    assert sorted(set(drawn["abstained"])) == [0, 1, 5, 10, 20]
    for row in drawn.to_dict("records"):
        found = results.find(
            Variant(row["method"], row["members"]), Quantity("clean", row["metric"])
        )
        assert found is not None
        value = found["value"]
        expected = 1 - value if row["metric"] == "accuracy" else value
        assert row["error"] == pytest.approx(100 * expected)


def test_figures_beyond_those_of_a_run_are_named(
    reported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(drawn_figures(Results.load(reported), most=9)) == 9
    announced = " ".join(capsys.readouterr().err.split())
    assert "without training-standard, which the command figure draws" in announced


def test_points_of_cost_join_value_and_time(timed_results: Results) -> None:
    drawn = drawing(timed_results, "cost").numbers
    assert set(where(drawn, method="mc_dropout")["members"]) == set("1248")
    (row,) = where(drawn, method="mc_dropout", members="4", batch_size=64, metric="ece").to_dict(
        "records"
    )
    found = timed_results.find(Variant("mc_dropout", "4"), Quantity("clean", "ece"))
    assert found is not None
    assert (row["value"], row["p50_ms"]) == (found["value"], 44)


def test_front_is_what_nothing_else_beats(timed_results: Results) -> None:
    drawn = drawing(timed_results, "cost").numbers
    for (metric, _), rows in drawn.groupby(["metric", "batch_size"]):
        loss = rows["value"] * (-1 if metric == "auroc" else 1)
        best = [
            not any((rows["p50_ms"] < ms) & (loss <= own) | (rows["p50_ms"] <= ms) & (loss < own))
            for ms, own in zip(rows["p50_ms"], loss, strict=True)
        ]
        assert list(rows["pareto"]) == best
        assert any(best)


def test_figure_shows_what_is_chosen_and_speaks_of_that_alone(
    reported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.pdf"
    made = figure(
        reported,
        "rotated",
        methods=["mc_dropout-3", "deep_ensemble"],
        metrics=["nll"],
        conditions=["rotated-030", "rotated-060"],
        out=out,
    )
    (ax,) = made.axes
    lines = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    lines = {label: x for label, x in lines.items() if not label.startswith("_")}
    assert lines == {"MC-dropout, T = 3": [30, 60], "Deep ensemble, M = 4": [30, 60]}
    title = " ".join(made.get_suptitle().split())
    assert re.match(
        r"(MC-dropout \(T = 3\)|Deep ensemble \(M = 4\)) has the lowest NLL .* of 1 ", title
    )
    content = out.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"CreationDate" not in content  # the same figure is the same file


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("rotate", {}, "there is no figure 'rotate'; choose from .*rotated"),
        ("rotated", {"methods": ["dropout"]}, "no method 'dropout'; choose from .*mc_dropout-8"),
        ("rotated", {"metrics": ["f1"]}, "there is no metric 'f1'; choose from .*accuracy"),
        ("rotated", {"recipe": "relu"}, "there is no recipe 'relu'; choose from standard"),
        ("rotated", {"conditions": ["ood-uniform_noise"]}, "there are no numbers for the figure"),
        ("roc", {"metrics": ["nll"]}, "the figure 'roc' has no numbers of metric 'nll'"),
        ("roc", {"conditions": ["clean", "ood-uniform_noise"]}, "no numbers of condition 'clean'"),
        ("training", {"methods": ["softmax"]}, "'training' has no methods to choose from"),
        ("rotated", {"out": "mine.xyz"}, "mine.xyz: there is no format 'xyz'; end the name in"),
        ("rotated", {"out": "mine"}, "mine: there is no format ''; end the name in"),
    ],
)
def test_what_cannot_be_drawn_is_named(
    name: str, chosen: dict[str, Any], message: str, reported: Path
) -> None:
    with pytest.raises(UserError, match=message):
        figure(reported, name, **chosen)


ROC = ("flagged_clean", "flagged")


def curve(replicate: int, points: list[tuple[float, float]]) -> pd.DataFrame:
    table = pd.DataFrame(points, columns=list(ROC))
    return table.assign(replicate=replicate, lower=0.1, upper=0.9)


STEEP = curve(0, [(0, 0), (0, 0.6), (0.5, 1), (1, 1)])
FLAT = curve(3, [(0, 0), (0, 0.2), (0.2, 0.4), (1, 1)])


def test_mean_of_roc_curves_is_vertical() -> None:
    mean = mean_curve(pd.concat([STEEP, FLAT]), *ROC)
    assert mean["flagged_clean"].tolist() == [0, 0, 0.2, 0.5, 1]
    at_half = (1 + 0.4 + 0.6 * 0.3 / 0.8) / 2
    expected = [0, (0.6 + 0.2) / 2, (0.76 + 0.4) / 2, at_half, 1]
    assert mean["flagged"].tolist() == pytest.approx(expected)
    assert mean[["lower", "upper"]].isna().all(axis=None)
    single = mean_curve(FLAT, *ROC)
    columns = [*ROC, "lower", "upper"]
    pd.testing.assert_frame_equal(single[columns], FLAT[columns])


def test_area_of_the_mean_is_the_mean_of_the_areas() -> None:
    random = np.random.default_rng(0)
    curves = []
    for replicate in range(6):
        x = np.concatenate([[0, 0], np.sort(random.random(5)), [1]])
        y = [0, *np.sort(random.random(6)), 1]
        curves.append(curve(replicate, list(zip(x, y, strict=True))))
    areas = [np.trapezoid(one["flagged"], one["flagged_clean"]) for one in curves]
    mean = mean_curve(pd.concat(curves), *ROC)
    assert np.trapezoid(mean["flagged"], mean["flagged_clean"]) == pytest.approx(np.mean(areas))


def bins(replicate: int, *rows: tuple[int, float, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["count", "confidence", "accuracy"])
    lower = np.arange(len(rows)) / len(rows)
    band = {"accuracy_lower": 0.1, "accuracy_upper": 0.9}
    return table.assign(lower=lower, upper=lower + 1 / len(rows), replicate=replicate, **band)


def test_mean_of_a_bin_is_over_the_replicates_that_fill_it_if_these_are_half() -> None:
    nan = float("nan")
    table = pd.concat(
        [
            bins(0, (0, nan, nan), (20, 0.4, 0.5), (80, 0.9, 0.8)),
            bins(1, (12, 0.2, 0.1), (30, 0.5, 0.7), (58, 0.8, 0.9)),
            bins(2, (3, 0.1, 0.0), (9, 0.6, 0.1), (88, 0.7, 0.7)),
        ]
    )
    mean = mean_bins(table)
    assert mean["count"].tolist() == pytest.approx([5, 59 / 3, 226 / 3])
    assert mean["lower"].tolist() == [0, 1 / 3, 2 / 3]
    drawn = mean.dropna(subset="accuracy")
    assert drawn["confidence"].tolist() == pytest.approx([0.45, 0.8])
    assert drawn["accuracy"].tolist() == pytest.approx([0.6, 0.8])
    assert drawn["accuracy_lower"].isna().all()
    single = mean_bins(table[table["replicate"] == 2]).dropna(subset="accuracy")
    assert single[["count", "accuracy_upper"]].to_numpy().tolist() == [[88, 0.9]]


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
            assert 660 <= image.width <= 1380, path.name
        assert path.stat().st_size < 150_000
    assert "MC-dropout, T = 8" in (reported / "figures" / "rotated-standard.svg").read_text()


def test_drawings_can_stand_in_one_page_which_shows_their_titles(reported: Path) -> None:
    elsewhere: set[str] = set()
    for path in sorted((reported / "figures").glob("*.svg")):
        root = ElementTree.fromstring(path.read_text())
        assert root.get("aria-label")
        identifiers = {f"#{element.get('id')}" for element in root.iter()}
        assert not identifiers & elsewhere - {"#None"}
        elsewhere |= identifiers
        for element in root.iter():
            target = element.get("{http://www.w3.org/1999/xlink}href", "data:image/png")
            assert target in identifiers or target.startswith("data:image/png")
        assert path.stat().st_size < 170_000
