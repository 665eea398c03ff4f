"""Methods: two files of `nouns/` and a line of the register each, and a user's own file."""

from __future__ import annotations

import numpy as np
import pytest

from tests.extensions.support import Written

pytestmark = pytest.mark.slow

SWEPT = [
    ("shifted_views", "Shifted views", "Ayhan &amp; Berens 2018", "V", (2, 4, 7)),
    ("bagged_centroids", "Bagged centroids", "Breiman 1996", "M", (5, 20)),
]
each_method = pytest.mark.parametrize(("method", "label", "citation", "symbol", "sizes"), SWEPT)


@each_method
def test_every_size_is_measured_with_intervals(
    written: Written, method: str, label: str, citation: str, symbol: str, sizes: tuple[int, ...]
) -> None:
    rows = written.rows("summary.csv", method=method, metric="accuracy", condition="clean")
    assert list(rows["members"]) == [str(size) for size in sizes]
    assert (rows["lower"] < rows["value"]).all()
    assert (rows["value"] < rows["upper"]).all()


@each_method
def test_sizes_and_methods_are_compared(
    written: Written, method: str, label: str, citation: str, symbol: str, sizes: tuple[int, ...]
) -> None:
    rows = written.rows("comparisons.csv", metric="nll", condition="clean")
    pairs = set(
        rows[["method", "members", "other_method", "other_members"]].itertuples(index=False)
    )
    largest = str(sizes[-1])
    for size in map(str, sizes[:-1]):
        assert (method, size, method, largest) in pairs
    assert any({method, "softmax"} == {one, other} for one, _, other, _ in pairs)


@each_method
def test_it_is_in_tables_and_figures(
    written: Written, method: str, label: str, citation: str, symbol: str, sizes: tuple[int, ...]
) -> None:
    full = f"{label}, {symbol} = {sizes[-1]}"
    every = {name for name in written.tables_with("Softmax") if name.endswith("-article")}
    assert written.tables_with(full) >= every
    assert len(every) >= 13
    assert any(row[0] == full for row in written.table("cost-article"))
    assert len(written.figures_with("method", method)) > 20
    points = written.rows("figures/cost-article.csv", method=method, metric="nll")
    assert set(points["members"]) == {str(size) for size in sizes}


@each_method
def test_it_is_on_the_page(
    written: Written, method: str, label: str, citation: str, symbol: str, sizes: tuple[int, ...]
) -> None:
    for section in ("ranking", "group-noisy", "calibration", "detection", "cost"):
        assert f"{label}, {symbol} = {sizes[-1]}" in written.section(section)
    definition = written.section("metrics").split(f'id="method-{method}"')[1].split("</li>")[0]
    assert label in definition
    assert citation in definition
    assert label in written.section("summary")


def test_methods_look_different(written: Written) -> None:
    rows = written.section("ranking").split("<tr")
    markers = {
        label: next(row.split('data-marker="')[1].split('"')[0] for row in rows if label in row)
        for label in ("Shifted views", "Power scaling", "Bagged centroids")
    }
    assert len(set(markers.values())) == 3


def test_detection_is_shown_by_the_primary_score(written: Written) -> None:
    rows = written.table("main-article")
    column = rows[0].index("AUROC ↑")
    shown = next(
        row[column] for row in rows if row[:2] == ["Uniform noise", "Bagged centroids, M = 20"]
    )
    values = written.rows(
        "summary.csv",
        **{"method": "bagged_centroids", "members": "20", "condition": "ood-uniform_noise"},
        metric="auroc",
    ).set_index("score")["value"]
    assert float(shown.split()[0]) == pytest.approx(values["mutual_information"], abs=0.06)
    assert abs(values["predictive_entropy"] - values["mutual_information"]) > 0.1


def test_table_of_sizes_has_each_measure_once(written: Written) -> None:
    rows = [tuple(row[:2]) for row in written.table("cost-article")[1:]]
    metrics, scores, methods = 6, 4, 2  # on clean images and on the mean; of one detection
    assert len(rows) == len(set(rows)) == methods * (2 * metrics + scores)


def test_whole_networks_are_counted_for_every_view(written: Written) -> None:
    rows = written.rows("latency.csv", engine="numba").drop_duplicates(["method", "members"])
    products = rows.set_index("method")["multiply_adds"]
    assert products["shifted_views"].max() == 7 * products["softmax"]
    assert products["mc_dropout"] < 6 * products["softmax"]  # passes share the first layer


def test_fewer_views_are_the_first_of_more(written: Written) -> None:
    few, more = (written.prediction(f"shifted_views-{n}", "clean")["mean"] for n in (2, 4))
    single = written.prediction("softmax", "clean")["mean"]
    assert not np.allclose(few, more)
    assert np.abs(few - single).max() <= 0.5 + 1e-6  # one of the two views is the image itself


def test_power_scaling_lowers_the_nll_and_keeps_the_classes(written: Written) -> None:
    assert 'id="method-power_scaling"' in written.section("metrics")
    scaled, plain = (
        written.rows("summary.csv", method=method, condition="clean").set_index("metric")["value"]
        for method in ("power_scaling", "softmax")
    )
    assert scaled["accuracy"] == plain["accuracy"]
    assert scaled["nll"] < plain["nll"]
