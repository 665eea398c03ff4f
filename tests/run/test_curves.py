"""The curves against the measurements of the same replicates."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import auc

from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.curves import COLUMNS, FALSE_POSITIVE_RATES
from benchmarks.run.measure import measure as measure_all
from benchmarks.run.record import RunRecord
from benchmarks.schema import read_table
from tests.runs import CONDITIONS, Run, make_up_predictions, run_of

IMAGES = 70
ORIGIN = ["method", "members", "budget", "condition", "replicate"]
CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipe="article",
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-030", "rotated-120", "ood-uniform_noise"),
    members=(4,),
    passes=(3, 6),
    replicates=2,
    images=IMAGES,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Made-up predictions, measured; softmax has lost its first replicate."""
    run = run_of(CONFIGURATION, tmp_path_factory.mktemp("curves"))
    record = RunRecord.begin(*run)
    make_up_predictions(run, lost=("softmax", 0))
    measure_all(*run, record)
    return run


def curve(run: Run, name: str) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", f"{name}.csv")


def measured(run: Run, metric: str, score: str = "") -> pd.Series:
    """Of each replicate."""
    table = read_table(run.workspace.out, "measurements.csv")
    table = table[(table["metric"] == metric) & (table["score"] == score)]
    return table.set_index(ORIGIN)["value"]


def test_every_table_has_its_columns_and_all_replicates_or_the_first_one(run: Run) -> None:
    for name, columns in COLUMNS.items():
        table = curve(run, name)
        assert tuple(table.columns) == columns
        replicates = table.groupby("method")["replicate"].unique().map(list).to_dict()
        several = [0] if name == "example_image" else [0, 1]
        assert replicates == {"softmax": [1], "mc_dropout": several, "deep_ensemble": [0]}
        assert set(table.get("score", ())) <= {"predictive_entropy"}


def test_bins_of_the_reliability_diagram_give_the_ece(run: Run) -> None:
    table = curve(run, "reliability")
    expected = measured(run, "ece")
    assert set(table["condition"]) == {"clean", "rotated-030"}
    for key, bins in table.groupby(ORIGIN):
        assert bins["count"].sum() == IMAGES
        assert len(bins) == 15
        gaps = (bins["accuracy"] - bins["confidence"]).abs() * bins["count"]
        assert gaps.sum() / IMAGES == pytest.approx(expected.loc[key], abs=2e-5)


def test_area_below_the_roc_curve_is_the_auroc(run: Run) -> None:
    table = curve(run, "roc")
    assert set(table["condition"]) == {"ood-uniform_noise"}
    assert len(table.groupby(ORIGIN)) == 2 * 2 + 1 + 1
    for (score, *key), points in table.groupby(["score", *ORIGIN]):
        assert tuple(points["flagged_clean"]) == tuple(FALSE_POSITIVE_RATES.round(5))
        area = auc(points["flagged_clean"], points["flagged"])
        assert area == pytest.approx(measured(run, "auroc", score).loc[tuple(key)], abs=0.01)
        assert tuple(points.iloc[-1][["flagged_clean", "flagged"]]) == (1, 1)


def test_every_point_of_a_single_replicate_has_a_band_around_it(run: Run) -> None:
    for name, value, bounds in (
        ("reliability", "accuracy", ["accuracy_lower", "accuracy_upper"]),
        ("roc", "flagged", ["lower", "upper"]),
    ):
        table = curve(run, name).dropna(subset=value)
        assert table.loc[table["method"] == "mc_dropout", bounds].isna().all(axis=None)
        table = table[table["method"] != "mc_dropout"]
        lower, upper = table[bounds].to_numpy().T
        assert (lower >= 0).all()
        assert (upper <= 1).all()
        assert (lower <= table[value]).all(), name
        assert (table[value] <= upper).all(), name
        assert (upper - lower).max() > 0.1


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
