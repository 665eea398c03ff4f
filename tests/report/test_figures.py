"""What figures show and say, against the run's tables; and how they are drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from PIL import Image

from benchmarks.io import UserError
from benchmarks.nouns import METHOD_COLUMNS, Contestant, MethodRecord
from benchmarks.report.figures import draw_figure, figure_names, save_figure
from benchmarks.report.figures.engine import Drawing
from benchmarks.report.results import Quantity, Results
from benchmarks.report.style import looks
from benchmarks.report.tables.table import MARKS
from benchmarks.report.timings import Setup, main_setup
from benchmarks.schema import Latency, read_table, table_of, where
from methods import METHODS
from tests.made_up import LATENCY
from tests.report.made_answers import (
    AUROC,
    ENERGY,
    FEW,
    HEADLINE,
    KNN,
    MANY,
    NLL,
    by_chance,
)
from tests.report.support import NAMES


@pytest.fixture(scope="module")
def results(made_up_run: Path) -> Results:
    return Results.load(made_up_run)


def numbers(folder: Path, name: str) -> pd.DataFrame:
    return read_table(folder, f"figures/{name}.csv")


def panel(drawing: Drawing, label: str) -> Axes:
    """The panel whose axis of values begins with this label."""
    return next(ax for ax in drawing.figure.axes if ax.get_ylabel().startswith(label))


# Numbers.


def test_lines_over_severities_are_the_summarys_values(made_up_run: Path, results: Results) -> None:
    shown = numbers(made_up_run, "rotated")
    assert set(shown["severity"]) == {0, 30, 45, 120}
    for row in shown.to_dict("records"):
        condition = f"rotated-{row['severity']:03.0f}" if row["severity"] else "clean"
        contestant = Contestant(row["method"], str(row["members"]), row["budget"])
        assert row["condition"] == condition
        assert row["value"] == results.row(contestant, Quantity(condition, row["metric"]))["value"]


def test_errors_of_abstaining_are_the_measured_ones_in_percent(
    made_up_run: Path, results: Results
) -> None:
    shown = where(numbers(made_up_run, "abstaining"), condition="clean")
    assert sorted(set(shown["abstained"])) == [0, 1, 5, 10, 20]
    for row in shown.to_dict("records"):
        contestant = Contestant(row["method"], str(row["members"]), row["budget"])
        value = results.row(contestant, Quantity("clean", row["metric"]))["value"]
        expected = 1 - value if row["metric"] == "accuracy" else value
        assert row["error"] == pytest.approx(100 * expected)


def test_differences_are_to_the_network_alone(made_up_run: Path) -> None:
    shown = where(numbers(made_up_run, "abstaining"), condition="clean")
    for row in shown.to_dict("records"):
        alone = where(shown, method="softmax", metric=row["metric"])["error"].iloc[0]
        assert row["difference"] == pytest.approx(row["error"] - alone, abs=0.01)  # as written


def with_curve(results: Results, name: str, table: pd.DataFrame) -> Results:
    return replace(results, curves={**results.curves, name: table})


def test_curves_of_several_replicates_have_their_mean_and_range(results: Results) -> None:
    table = where(results.curve("roc"), method="mc_dropout", members="8")
    assert table["replicate"].nunique() > 1
    by_rate = table.groupby(["condition", "flagged_clean"])["flagged"]
    shown = where(draw_figure(results, "roc").numbers, method="mc_dropout", members="8")
    shown = shown.set_index(["condition", "flagged_clean"])
    for name, statistic in (("flagged", "mean"), ("lower", "min"), ("upper", "max")):
        expected = by_rate.agg(statistic)[shown.index]
        assert shown[name].to_numpy() == pytest.approx(expected.to_numpy())


def test_curve_of_a_single_replicate_has_its_own_band(results: Results) -> None:
    first = where(results.curve("roc"), replicate=0).assign(lower=0.0, upper=1.0)
    shown = draw_figure(with_curve(results, "roc", first), "roc").numbers
    assert shown[["lower", "upper"]].drop_duplicates().to_numpy().tolist() == [[0, 1]]


def test_bin_has_an_accuracy_if_half_of_the_replicates_fill_it(results: Results) -> None:
    table = where(results.curve("reliability"), method="softmax", condition="clean")
    edges = sorted(set(table["lower"]))[:3]
    counts = {0: (0, 20, 80), 1: (12, 30, 58), 2: (3, 9, 88)}
    rows = [
        {**table.iloc[0], "replicate": replicate, "lower": lower, "upper": lower + 1 / 15}
        | {"count": count, "accuracy": 0.1 * replicate, "confidence": 0.5}
        | {"accuracy_lower": math.nan, "accuracy_upper": math.nan}
        for replicate, own in counts.items()
        for lower, count in zip(edges, own, strict=True)
    ]
    bins = draw_figure(
        with_curve(results, "reliability", pd.DataFrame(rows)), "reliability"
    ).numbers
    assert bins["count"].tolist() == pytest.approx([5, 59 / 3, 226 / 3])
    assert bins["accuracy"].tolist() == pytest.approx([math.nan, 0.05, 0.1], nan_ok=True)
    assert bins["accuracy_upper"].tolist() == pytest.approx([math.nan, 0.1, 0.2], nan_ok=True)


# Quality against cost.


def test_points_of_cost_join_value_and_time(results: Results) -> None:
    shown = draw_figure(results, "cost").numbers
    assert set(where(shown, method="mc_dropout")["members"]) == set("1248")
    point = where(shown, method="mc_dropout", members="4", metric="nll").iloc[0]
    expected = results.row(Contestant("mc_dropout", "4"), Quantity("clean", "nll"))
    assert (point["value"], point["p50_ms"]) == (expected["value"], 4)


def test_names_beside_points_cover_neither_points_nor_one_another(results: Results) -> None:
    sheet = draw_figure(timed(by_chance(FEW, 0)), "quality").figure
    sheet.draw_without_rendering()
    for ax in sheet.axes:
        boxes = [text.get_window_extent() for text in ax.texts]
        points = [line.get_xydata()[0] for line in ax.lines if len(line.get_xydata()) == 1]
        assert len(points) >= len(boxes) > 3
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:number])
            assert not any(box.contains(*ax.transData.transform(point)) for point in points)


# What the rule says.


def timed(results: Results) -> Results:
    """With a time of each size."""
    rows = [
        replace(LATENCY, method=method, members=members, p50_ms=float(number))
        for number, (method, members, *_) in enumerate(results.contestants, 1)
    ]
    return replace(results, latency=table_of(Latency, rows))


def bold(ax: Axes) -> list[str]:
    """The texts in bold, in their order."""
    return [text.get_text() for text in ax.texts if text.get_weight() == "bold"]


def named(results: Results, title: str) -> set[Contestant]:
    """The contestants whose names a title has."""
    every = {choice for budget in results.budgets for choice in results.judged(budget)}
    found = set()
    for choice in sorted(every, key=lambda choice: -len(results.label(choice))):
        if results.label(choice) in title:  # the longest first: one may be the beginning of another
            title = title.replace(results.label(choice), "")
            found.add(choice)
    return found


def rows_of(drawing: Drawing) -> dict[Contestant, pd.DataFrame]:
    """The rows of each contestant of the heat map."""
    grouped = drawing.numbers.groupby([*Contestant._fields], sort=False)
    return {Contestant(*key): rows for key, rows in grouped}


@pytest.mark.parametrize(("choices", "seed"), [(FEW, 0), (FEW, 1), (MANY, 2), (MANY, 3)])
def test_heat_map_is_bold_where_a_contestant_is_in_the_best_set(
    choices: list[Contestant], seed: int
) -> None:
    results = by_chance(choices, seed)
    drawing = draw_figure(results, "worth")
    (ax,) = drawing.figure.axes
    expected, at_all = [], set()
    for choice, rows in rows_of(drawing).items():
        assert choice.budget in results.budgets
        for quantity in HEADLINE if not choice.score else [AUROC]:
            (row,) = where(rows, metric=quantity.metric).to_dict("records")
            assert row["worth"] == results.standing(choice, quantity)["worth"]
            if results.is_best(choice, quantity):
                mark = MARKS.get(results.better(choice, quantity), "")
                expected.append(f"{row['worth'] or '?'} {mark}".strip())
        if not choice.score and all(results.is_best(choice, quantity) for quantity in HEADLINE):
            at_all.add(choice)
    assert bold(ax) == expected != []
    assert named(results, drawing.title) == at_all
    assert {KNN, ENERGY} & {*rows_of(drawing)} == {
        choice for choice in (KNN, ENERGY) if results.is_best(choice, AUROC)
    }


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("methods", [(), ("softmax", "mc_dropout"), ("deep_ensemble", "softmax")])
def test_scatter_is_bold_and_its_title_names_what_is_drawn_of_the_best_set(
    seed: int, methods: tuple[str, ...]
) -> None:
    results = timed(by_chance(FEW, seed))
    drawing = draw_figure(results, "quality", methods=methods)
    shown = {Contestant(*key) for key in drawing.numbers[[*METHOD_COLUMNS]].to_numpy().tolist()}
    best = {q: {one for one in shown if results.is_best(one, q)} for q in (NLL, HEADLINE[2], AUROC)}
    for ax, own in zip(drawing.figure.axes, best.values(), strict=True):
        assert len(bold(ax)) == len(own)
    assert named(results, drawing.title) <= set().union(*best.values())


def test_without_an_answer_there_is_no_worth_and_no_mark_and_no_title_names_a_method(
    results: Results,
) -> None:
    without = replace(results, answer=pd.DataFrame())
    names = figure_names(without)
    assert {"quality", "cost", "rotated", "roc", "abstaining"} < {*names}
    assert "worth" not in names
    labels = [results.names.method(contestant.method).label for contestant in results.contestants]
    for name in names:
        drawing = draw_figure(without, name)
        assert not any(map(bold, drawing.figure.axes))
        assert not any(label in drawing.title for label in labels)


# Timings.


def test_setup_compared_is_the_one_in_which_most_sizes_were_timed(results: Results) -> None:
    latency = results.latency
    assert main_setup(latency) == Setup("cpu", "A Processor", 1)
    card = {"device": "cuda:0", "device_name": "A Card"}
    on_card = where(latency, threads=1, engine="torch").assign(**card)
    both = pd.concat([latency, on_card])
    assert main_setup(both).label == "A Card"
    assert main_setup(pd.DataFrame()) is None


def test_no_panel_mixes_engines(results: Results) -> None:
    shown = draw_figure(results, "cost").numbers
    methods = {engine: set(rows["method"]) for engine, rows in shown.groupby("engine")}
    assert methods["torch"] == {"softmax", "mc_dropout", "deep_ensemble"}
    assert methods["numba"] == {"softmax", "mc_dropout"}


# How things look.


def test_methods_differ_in_colour_and_marker() -> None:
    custom = tuple(MethodRecord(f"mine_{number}", "") for number in range(48 - len(METHODS)))
    names = replace(NAMES, methods=NAMES.methods + custom)
    shown = looks(names, [Contestant(method.name, "2") for method in names.methods]).values()
    assert len({(look.color, look.marker) for look in shown}) == len(names.methods)


def test_range_of_ill_defined_labels_is_shaded_with_the_reason(results: Results) -> None:
    drawing = draw_figure(results, "rotated")
    assert panel(drawing, "Accuracy").patches
    labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert "Labels ill-defined (6 and 9 swap)" in labels
    summary = results.summary[results.summary["condition"] != "rotated-120"]
    without = draw_figure(replace(results, summary=summary), "rotated")
    assert not panel(without, "Accuracy").patches


def test_methods_with_infinite_values_are_named(results: Results) -> None:
    worst = {"method": "softmax", "condition": "rotated-045", "metric": "nll"}
    summary = results.summary.copy()
    summary.loc[where(summary, **worst).index, "value"] = math.inf
    drawing = draw_figure(replace(results, summary=summary), "rotated")
    texts = {text.get_text() for text in panel(drawing, "NLL\n(nats)").texts}
    assert texts == {"not drawn where infinite:\nSoftmax"}
    assert not panel(drawing, "Accuracy").texts


# What a user asks for.


def test_of_several_budgets_figures_show_one_and_what_a_user_chooses(two_budgets_run: Path) -> None:
    results = Results.load(two_budgets_run)
    numbers = draw_figure(results, "rotated").numbers
    shown = set(starmap(Contestant, numbers[[*METHOD_COLUMNS]].itertuples(index=False, name=None)))
    longer, ensemble = Contestant("softmax", "1", 5.0), Contestant("deep_ensemble", "5", 5.0)
    assert shown == {Contestant("softmax", "1"), Contestant("mc_dropout", "8"), ensemble}
    chosen = draw_figure(results, "rotated", methods=["softmax-1-budget-5", "deep_ensemble-5"])
    labels = [text.get_text() for text in chosen.figure.legends[0].get_texts()]
    assert set(map(results.names.label, (longer, ensemble))) <= set(labels)
    assert set(chosen.numbers["budget"]) == {5.0}


def test_figure_shows_what_is_chosen_and_speaks_of_that_alone(
    made_up_run: Path, tmp_path: Path
) -> None:
    sheet = draw_figure(
        Results.load(made_up_run),
        "rotated",
        methods=["mc_dropout-4", "deep_ensemble"],
        metrics=["nll"],
        conditions=["rotated-030", "rotated-045"],
    ).figure
    lines = {line.get_label(): list(line.get_xdata()) for ax in sheet.axes for line in ax.lines}
    lines = {label: x for label, x in lines.items() if not label.startswith("_")}
    assert lines == {"MC-dropout, T = 4": [30, 45], "Deep ensemble, M = 4": [30, 45]}
    assert sheet.axes[1].get_ylabel() == "Difference to\nMC-dropout, T = 4"
    assert "Softmax" not in sheet.get_suptitle()
    save_figure(sheet, tmp_path / "mine.pdf")
    content = (tmp_path / "mine.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"CreationDate" not in content  # the same figure is the same file


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("rotate", {}, "there is no figure 'rotate'; choose from .*rotated"),
        ("rotated", {"methods": ["dropout"]}, "no method 'dropout'; choose from .*mc_dropout-8"),
        ("roc", {"conditions": ["clean", "ood-uniform_noise"]}, "no numbers of condition 'clean'"),
        ("conditions", {"methods": ["softmax"]}, "'conditions' has no methods to choose from"),
    ],
)
def test_what_cannot_be_drawn_is_named(
    name: str, chosen: dict[str, Any], message: str, results: Results
) -> None:
    with pytest.raises(UserError, match=message):
        draw_figure(results, name, **chosen)


# Files.


def test_pictures_are_small_and_have_print_resolution(made_up_run: Path) -> None:
    for path in sorted((made_up_run / "figures").glob("*.png")):
        with Image.open(path) as image:
            assert np.allclose(image.info["dpi"], 200, atol=0.1)
            assert 660 <= image.width <= 1380, path.name
        assert path.stat().st_size < 150_000


def test_drawings_can_stand_in_one_page_and_their_text_is_text(made_up_run: Path) -> None:
    elsewhere: set[str] = set()
    for path in sorted((made_up_run / "figures").glob("*.svg")):
        content = path.read_text()
        assert min(map(float, re.findall(r"font-size: ([\d.]+)px", content))) >= 7  # points
        root = ElementTree.fromstring(content)
        assert root.get("aria-label")
        identifiers = {f"#{element.get('id')}" for element in root.iter() if element.get("id")}
        assert not identifiers & elsewhere
        elsewhere |= identifiers
        targets = {element.get("{http://www.w3.org/1999/xlink}href", "") for element in root.iter()}
        assert {target for target in targets if target.startswith("#")} <= identifiers
        assert path.stat().st_size < 200_000
    assert "MC-dropout, T = 8" in (made_up_run / "figures" / "rotated.svg").read_text()
