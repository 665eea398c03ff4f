"""The curves against the measurements of the same replicates, and what a drawing needs of them."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import auc

from benchmarks.predictions import RunUnit
from benchmarks.run.curves import FALSE_POSITIVE_RATES
from benchmarks.schema import read_table
from tests.runs import CONDITIONS, Run

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


def test_votes_on_the_example_are_those_of_the_prediction_files(run: Run) -> None:
    table = curve(run, "example_image")
    assert set(table["condition"]) == {"clean", "rotated-030", "rotated-120"}
    labels = run.workspace.evaluation_set(CONDITIONS["clean"], run.plan).labels
    assert set(table["index"]) == {labels.tolist().index(1)}
    assert (table.groupby(ORIGIN)["vote_share"].sum().round(3) == 1).all()
    for row in table.to_dict("records"):
        size = None if row["method"] == "softmax" else int(row["members"])
        unit = RunUnit(row["method"], size, row["budget"], row["replicate"])
        stored = run.workspace.predictions.load(unit, row["condition"])
        assert row["label"] == stored.labels[row["index"]] == 1
        share = stored.prediction.vote_share[row["index"], row["class"]].item()
        mean = stored.prediction.mean[row["index"], row["class"]].item()
        written = row["vote_share"], row["mean_probability"]
        assert written == pytest.approx((share, mean), abs=1e-5)
