"""The mean of several curves and bins, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.report.figures.reliability import mean_bins
from benchmarks.report.numbers.replicates import each, mean_curve, shown_bounds

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
    assert set(mean["replicates"]) == {2}


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


def test_a_single_curve_is_its_own_mean_with_its_band() -> None:
    mean = mean_curve(FLAT, *ROC)
    assert set(mean["replicates"]) == {1}
    pd.testing.assert_frame_equal(mean.drop(columns="replicates"), FLAT)
    assert each(FLAT) == []
    assert len(each(pd.concat([FLAT, STEEP]))) == 2


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


def test_intervals_are_of_one_replicate_or_of_many() -> None:
    bounds = {n: shown_bounds({"replicates": n, "lower": 0.1, "upper": 0.2}) for n in range(1, 8)}
    assert [n for n, (lower, _) in bounds.items() if lower == 0.1] == [1, 5, 6, 7]
