"""The curves against the measurements of the same replicates, and what a drawing needs of them."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import auc

from benchmarks.run.curves import FALSE_POSITIVE_RATES
from benchmarks.schema import read_table
from tests.runs import Run

ORIGIN = ["method", "members", "budget", "condition", "replicate"]


def curve(run: Run, name: str) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", f"{name}.csv")


def measured(run: Run, metric: str, score: str = "") -> pd.Series:
    """Of each replicate."""
    table = read_table(run.workspace.out, "measurements.csv")
    table = table[(table["metric"] == metric) & (table["score"] == score)]
    return table.set_index(ORIGIN)["value"]


def test_bins_of_the_reliability_diagram_give_the_ece(run: Run) -> None:
    table = curve(run, "reliability")
    expected = measured(run, "ece")
    assert set(table["condition"]) == {"clean", "rotated-030"}
    for key, bins in table.groupby(ORIGIN):
        assert bins["count"].sum() == 70
        assert len(bins) == 15
        gaps = (bins["accuracy"] - bins["confidence"]).abs() * bins["count"]
        assert gaps.sum() / 70 == pytest.approx(expected.loc[key], abs=2e-5)


def test_area_below_the_roc_curve_is_the_auroc(run: Run) -> None:
    table = curve(run, "roc")
    assert set(table["condition"]) == {"ood-uniform_noise"}
    assert len(table.groupby(ORIGIN)) == 2 * 2 + 1 + 1
    for (score, *key), points in table.groupby(["score", *ORIGIN]):
        assert tuple(points["flagged_clean"]) == tuple(FALSE_POSITIVE_RATES.round(5))
        area = auc(points["flagged_clean"], points["flagged"])
        assert area == pytest.approx(measured(run, "auroc", score).loc[tuple(key)], abs=0.01)
        assert tuple(points.iloc[-1][["flagged_clean", "flagged"]]) == (1, 1)
