"""The curves against the measurements of the same replicates, and the choice of images."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import auc

from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.configuration import Configuration
from benchmarks.run.figure_data import diagrams
from benchmarks.run.figure_data.curves import (
    COLUMNS,
    MOST_BINS,
    _bins,
    _histogram,
    write_curves,
)
from benchmarks.run.figure_data.diagrams import COVERAGES, FALSE_POSITIVE_RATES
from benchmarks.run.figure_data.images import write_images
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import measure_all
from benchmarks.run.workspace import Workspace
from benchmarks.schema import read_table
from methods import Prediction
from methods.scores import SCORES
from tests.runs import CONDITIONS, Run, lose_predictions, make_up_predictions, run_of

IMAGES = 70
ORIGIN = ["method", "members", "condition", "replicate"]
CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipes=("standard",),
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
    folder = tmp_path_factory.mktemp("curves")
    run = run_of(CONFIGURATION, folder)
    record = RunRecord.begin(*run)
    record.note_data({name: {"fingerprint": ""} for name in CONFIGURATION.conditions})
    make_up_predictions(run, lost=("softmax", 0))
    write_images(*run)
    measure_all(*run, record)
    return run


def curve(run: Run, name: str) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", f"{name}.csv")


def measured(run: Run, metric: str, score: str = "") -> pd.Series:
    """Of each replicate."""
    table = read_table(run.workspace.out, "measurements.csv")
    table = table[(table["metric"] == metric) & (table["score"] == score)]
    return table.set_index(ORIGIN)["value"]


def images_of(folder: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(folder / "images.npz") as file:
        return dict(file)


def test_every_table_has_its_columns_and_all_replicates_or_the_first_one(run: Run) -> None:
    for name, columns in COLUMNS.items():
        table = curve(run, name)
        assert tuple(table.columns) == columns
        replicates = table.groupby("method")["replicate"].unique().map(list).to_dict()
        several = [0, 1] if name in diagrams.COLUMNS else [0]
        assert replicates == {"softmax": [1], "mc_dropout": several, "deep_ensemble": [0]}


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
    assert len(table.groupby(["score", *ORIGIN])) == 2 * 2 * 3 + 3 + 1
    for (score, *key), points in table.groupby(["score", *ORIGIN]):
        every = (0, *FALSE_POSITIVE_RATES.round(5))
        if key[0] != "mc_dropout":
            assert tuple(points["flagged_clean"]) == every
        assert set(points["flagged_clean"]) <= set(every)
        assert len(points) <= len(every)
        area = auc(points["flagged_clean"], points["flagged"])
        assert area == pytest.approx(measured(run, "auroc", score).loc[tuple(key)], abs=0.01)
        assert tuple(points.iloc[0][["flagged_clean", "flagged"]]) == (0, 0)
        assert tuple(points.iloc[-1][["flagged_clean", "flagged"]]) == (1, 1)


def test_risk_at_full_coverage_is_the_error_rate(run: Run) -> None:
    for (score, *key), points in curve(run, "risk_coverage").groupby(["score", *ORIGIN]):
        assert SCORES[score].in_figures
        last = points.iloc[-1]
        assert last["coverage"] == 1
        error_rate = 1 - measured(run, "accuracy").loc[tuple(key)]
        assert last["risk"] == pytest.approx(error_rate, abs=1e-5)
        aurc = measured(run, "aurc", score).loc[tuple(key)]
        if key[0] != "mc_dropout":
            assert tuple(points["coverage"]) == tuple(COVERAGES)
        risk = np.interp(COVERAGES, points["coverage"], points["risk"])
        assert risk.mean() == pytest.approx(aurc, abs=0.006)  # of 50 points, not of 70


def test_every_point_of_a_single_replicate_has_a_band_around_it(run: Run) -> None:
    for name, value, bounds in (
        ("reliability", "accuracy", ["accuracy_lower", "accuracy_upper"]),
        ("roc", "flagged", ["lower", "upper"]),
        ("risk_coverage", "risk", ["lower", "upper"]),
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


def test_error_rate_of_all_images_has_a_band_of_its_standard_error(run: Run) -> None:
    table = curve(run, "risk_coverage").dropna(subset="lower")
    for row in table[table["coverage"] == 1].to_dict("records"):
        half_width = 1.96 * (row["risk"] * (1 - row["risk"]) / IMAGES) ** 0.5
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half_width, rel=0.2)


def test_replicates_have_their_measurements(run: Run) -> None:
    table = curve(run, "replicates")
    assert list(table.columns[:5]) == ["recipe", "method", "members", "replicate", "condition"]
    assert set(table["condition"]) == {*CONFIGURATION.conditions, "clean", "rotated-mean"}
    assert table.groupby("method")["replicate"].nunique().to_dict() == {
        **{"softmax": 1, "mc_dropout": 2, "deep_ensemble": 1},
    }
    single = table[table["condition"] != "rotated-mean"].set_index(ORIGIN)
    for metric in ("accuracy", "nll", "auroc", "error_at_coverage_90"):
        score = "" if metric in ("accuracy", "nll") else "predictive_entropy"
        expected = measured(run, metric, score).dropna()
        found = single[metric].dropna()
        assert set(found.index) == set(expected.index)
        assert found.to_dict() == pytest.approx(expected.to_dict(), abs=1e-5)


def test_histograms_hold_every_image(run: Run) -> None:
    table = curve(run, "histograms")
    assert set(table["condition"]) == {"clean", "ood-uniform_noise"}
    for (score, *key), bins in table.groupby(["score", *ORIGIN]):
        assert bins["count"].sum() == IMAGES
        middle = (bins["lower"] + bins["upper"]) / 2
        mean = (middle * bins["count"]).sum() / IMAGES
        width = bins["upper"].iloc[0]
        assert mean == pytest.approx(measured(run, score).loc[tuple(key)], abs=width / 2)


@pytest.mark.parametrize("outlier", [1e8, -1e300])
def test_outliers_of_a_histogram_are_in_its_last_bin(outlier: float) -> None:
    score = torch.tensor([0.25, 0.75, math.inf, outlier], dtype=torch.float64)
    bins = list(_histogram(score, start=0.0, width=0.5))
    assert len(bins) <= MOST_BINS + 2
    assert [one["lower"] for one in bins if one["count"]] == (
        [0.0, 0.5, MOST_BINS / 2] if outlier > 0 else [-MOST_BINS / 2, 0.0, 0.5]
    )


@pytest.mark.parametrize("clean", [[-1.7e308, 0.0, 1.7e308], [0.0, 5e-324], [2.0, 2.0]])
def test_bins_of_any_finite_scores_can_be_counted(clean: list[float]) -> None:
    score = torch.tensor(clean, dtype=torch.float64)
    bins = _histogram(score, *_bins("mine", score))
    assert sum(int(one["count"]) for one in bins) == len(clean)


def test_votes_are_those_of_the_prediction_files(run: Run) -> None:
    for name in ("example_image", "high_disagreement"):
        for row in curve(run, name).to_dict("records"):
            size = None if row["method"] == "softmax" else int(row["members"])
            unit = RunUnit(row["recipe"], row["method"], size, row["replicate"])
            stored = run.workspace.predictions.load(unit, row["condition"])
            assert stored.labels is not None
            assert row["label"] == stored.labels[row["index"]]
            share = stored.prediction.vote_share[row["index"], row["class"]].item()
            mean = stored.prediction.mean[row["index"], row["class"]].item()
            assert (row["vote_share"], row["mean_probability"]) == pytest.approx(
                (share, mean), abs=1e-5
            )


def test_example_is_the_first_one(run: Run) -> None:
    table = curve(run, "example_image")
    assert set(table["condition"]) == {"clean", "rotated-030", "rotated-120"}
    labels = run.workspace.evaluation_set(CONDITIONS["clean"], run.plan).labels
    assert labels is not None
    assert set(table["index"]) == {labels.tolist().index(1)}
    assert (table.groupby(ORIGIN)["vote_share"].sum().round(3) == 1).all()


def test_high_disagreement_images_have_the_largest_divergence(run: Run) -> None:
    table = curve(run, "high_disagreement")
    assert set(zip(table["method"], table["members"], strict=True)) == {
        ("softmax", "1"),
        ("mc_dropout", "6"),
        ("deep_ensemble", "4"),
    }
    units = [("softmax", None, 1), ("mc_dropout", 6, 0), ("deep_ensemble", 4, 0)]
    largest: dict[int, float] = {}
    for condition in ("clean", "rotated-030"):  # beyond 90 degrees, labels are ill-defined
        votes = [
            run.workspace.predictions.load(
                RunUnit("standard", *unit), condition
            ).prediction.vote_share.numpy()
            for unit in units
        ]
        for image in range(IMAGES):
            divergence = divergence_of_three([share[image] for share in votes])
            largest[image] = max(largest.get(image, 0), divergence)
    expected = sorted(largest.values(), reverse=True)[:12]
    drawn = table.drop_duplicates("rank")
    assert list(drawn["rank"]) == list(range(1, 13))
    assert list(drawn["divergence"]) == pytest.approx(expected, abs=1e-5)
    assert drawn["index"].is_unique


def divergence_of_three(shares: list[NDArray[np.float64]]) -> float:
    """The generalised divergence by way of relative entropies to the mean."""
    mean = np.mean(shares, axis=0)
    return float(np.mean([np.sum(s[s > 0] * np.log(s[s > 0] / mean[s > 0])) for s in shares]))


def test_images_are_all_that_is_shown_as_it_was_evaluated(run: Run) -> None:
    file = images_of(run.workspace.out)
    assert file["pixels"].dtype == np.uint8
    assert file["pixels"].shape == (len(file["index"]), 28, 28)
    written = list(zip(file["condition"].tolist(), file["index"].tolist(), strict=True))
    assert len(set(written)) == len(written)
    for name in ("example_image", "high_disagreement"):
        table = curve(run, name)
        assert set(zip(table["condition"], table["index"], strict=True)) <= set(written)
    for position, (condition, index) in enumerate(written):
        evaluated = run.workspace.evaluation_set(CONDITIONS[condition], run.plan)
        np.testing.assert_allclose(
            file["pixels"][position] / 255, evaluated.images[index, 0], atol=0.5001 / 255
        )
        label = -1 if evaluated.labels is None else int(evaluated.labels[index])
        assert file["label"][position] == label
    clean = {
        int(label)
        for c, label in zip(file["condition"], file["label"], strict=True)
        if c == "clean"
    }
    assert clean == set(range(10))


def test_same_predictions_give_the_same_bytes(run: Run) -> None:
    folder = run.workspace.out
    paths = [folder / "images.npz", *(folder / "curves").iterdir()]
    before = {path: path.read_bytes() for path in paths}
    write_images(*run)
    write_curves(*run)
    assert {path: path.read_bytes() for path in paths} == before


def test_set_that_cannot_be_had_has_neither_images_nor_curves(run: Run, tmp_path: Path) -> None:
    elsewhere = Run(run.plan, replace(run.workspace, out=tmp_path))
    shutil.copytree(run.workspace.out / "predictions", tmp_path / "predictions")
    missing = ["rotated-030", "ood-uniform_noise"]
    for name in missing:
        lose_predictions(tmp_path, name)
    write_images(*elsewhere, missing)
    write_curves(*elsewhere)
    for name in COLUMNS:
        assert not set(curve(elsewhere, name)["condition"]) & set(missing)
    assert curve(elsewhere, "roc").empty
    assert set(images_of(tmp_path)["condition"]) == {"clean", "rotated-120"}


def test_fewer_images_than_are_shown_are_enough(tmp_path: Path) -> None:
    few = Run(Plan(replace(CONFIGURATION, images=3)), Workspace(tmp_path, tmp_path, None, jobs=1))
    for seed, unit in enumerate(few.plan.units()):
        random = torch.Generator().manual_seed(seed)
        for condition in few.plan.conditions:
            logits = 9 * torch.randn(unit.size or 1, 3, 10, generator=random)
            labels = few.workspace.evaluation_set(condition, few.plan).labels
            few.workspace.predictions.save(
                unit, condition.name, StoredPrediction(Prediction.of_logits(logits), labels)
            )
    write_images(*few)
    write_curves(*few)
    assert curve(few, "high_disagreement")["rank"].max() <= 3
    assert len(curve(few, "example_image")) in (0, 4 * 3 * 10)
    assert list(images_of(tmp_path)["condition"]).count("ood-uniform_noise") == 3


def test_one_method_alone_has_no_high_disagreement(run: Run, tmp_path: Path) -> None:
    alone = Run(
        Plan(replace(CONFIGURATION, methods=("mc_dropout",))),
        replace(run.workspace, out=tmp_path),
    )
    (tmp_path / "predictions").symlink_to(run.workspace.out / "predictions")
    write_images(*alone)
    write_curves(*alone)
    assert curve(alone, "high_disagreement").empty
    assert len(curve(alone, "example_image")) == 2 * 3 * 10
