"""Predictions of others beside the contestants of a run, of which it keeps influences."""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import t as student

from benchmarks.api import (
    ArgumentError,
    BenchmarkResults,
    images_beside,
    load_results,
    score_beside,
)
from benchmarks.compare import show_comparison
from benchmarks.predictions import RunUnit
from benchmarks.run.reading import read_prediction
from benchmarks.schema import packed, read_table, unpacked
from tests.external.test_arrays import write_vast
from tests.made_up import make_up
from tests.processes import status_of
from tests.runs import DIGITS, Run, run_of

SMALL = replace(
    DIGITS,
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    members=(1, 2, 10),
    budgets=(1.0,),
    passes=(3,),
    replicates=5,
    pool=10,
)
"""Five replicates; of the ensemble of ten networks one."""

ALONE, TEN = RunUnit("softmax", None, 1.0, 0), RunUnit("deep_ensemble", 10, 10.0, 0)

IMAGES = 100
GROUPS = torch.arange(IMAGES) % 30
"""Images of one group lie apart."""

ROTATED = ("rotated-030", "rotated-045")

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A measured run of digits whose predictions are made up; its test images are in groups."""
    folder = tmp_path_factory.mktemp("beside")
    make_up(folder, groups=GROUPS, **asdict(SMALL))
    return run_of(SMALL, folder)


@pytest.fixture(scope="module")
def out(run: Run) -> Path:
    return run.workspace.out


def means(run: Run, unit: RunUnit) -> Arrays:
    """What a unit of the run predicts."""
    stored = {c.name: read_prediction(*run, unit, c.name) for c in run.plan.conditions}
    return {name: each.prediction.mean.numpy() for name, each in stored.items() if each}


def labels_of(run: Run, condition: str = "clean") -> np.ndarray:
    stored = read_prediction(*run, ALONE, condition)
    assert stored is not None
    assert stored.labels is not None
    return stored.labels.numpy()


def probabilities(images: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(10, 0.3), size=images)


@pytest.fixture(scope="module")
def mine(out: Path) -> Arrays:
    """Predictions of all conditions, as of another method."""
    images = images_beside(out)
    return {name: probabilities(len(own), seed) for seed, (name, own) in enumerate(images.items())}


@pytest.fixture(scope="module")
def beside(out: Path, mine: Arrays) -> BenchmarkResults:
    return score_beside(out, {"mine": mine})


@pytest.mark.parametrize("unit", [ALONE, TEN])
def test_others_have_the_values_that_the_run_has_of_the_same_predictions(
    unit: RunUnit, run: Run, out: Path
) -> None:
    beside = score_beside(out, {"mine": means(run, unit)}).measurements
    of_run = read_table(out, "measurements.csv")
    of_run = of_run.query(f"method == '{unit.method}' and replicate == 0")
    of_run = of_run[of_run["budget"] == unit.budget]
    both = beside.merge(of_run, on=["condition", "score", "metric"]).dropna(subset="value_x")
    conditions = {"clean", "rotated-mean", *ROTATED, "out-of-distribution-mean"}
    assert set(both["condition"]) >= conditions
    assert set(both["metric"]) >= {"accuracy", "nll", "brier", "augrc", "auroc"}
    np.testing.assert_allclose(both["value_x"], both["value_y"], atol=1e-6)


def test_contestant_does_not_differ_from_itself_and_is_worth_its_networks(
    run: Run, out: Path
) -> None:
    results = score_beside(out, {"mine": means(run, TEN)})
    same = results.differences.query("other_members == '10'")
    assert len(same) == 5
    np.testing.assert_allclose(same["difference"], 0, atol=1e-6)
    worth = results.answer.query("method == 'mine'").set_index("metric")["worth"]
    assert worth["brier"] == worth["augrc"] == worth["auroc"] == "10"


def nll(array: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(array[np.arange(len(labels)), labels])


def brier(array: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return ((array - np.eye(10)[labels]) ** 2).sum(axis=1)


def covariance(first: np.ndarray, second: np.ndarray) -> float:
    """Of two means over images that are drawn in groups (Liang and Zeger 1986)."""
    sums = [np.bincount(GROUPS, each - each.mean()) for each in (first, second)]
    return float(sums[0] @ sums[1]) / len(first) ** 2


def test_images_are_paired_and_drawn_by_their_groups(
    run: Run, mine: Arrays, beside: BenchmarkResults
) -> None:
    """Accuracy of a single replicate, and a Brier score: intervals of means over clusters."""
    rows = beside.differences.query("other_members == '10' and metric == 'accuracy'")
    (difference,) = rows.to_dict("records")
    (level,) = beside.answer.query("method == 'mine' and metric == 'brier'").to_dict("records")
    right = [each["clean"].argmax(axis=1) == labels_of(run) for each in (mine, means(run, TEN))]
    of_images = right[0].astype(float) - right[1]
    squares = np.mean([brier(mine[name], labels_of(run, name)) for name in ROTATED], axis=0)
    for row, value, each in ((difference, "difference", of_images), (level, "value", squares)):
        half_width = student.ppf(0.975, 30 - 1) * math.sqrt(covariance(each, each))
        assert row[value] == pytest.approx(each.mean(), abs=1e-4)
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half_width, rel=3e-3)


def test_networks_of_the_run_add_to_the_interval(run: Run, mine: Arrays, out: Path) -> None:
    """The newcomer is no replicate of the run's networks: nothing of these cancels."""
    rows = score_beside(out, {"mine": mine}).differences
    (row,) = rows.query("other_method == 'softmax' and metric == 'nll'").to_dict("records")
    labels = labels_of(run)
    five = [nll(means(run, replace(ALONE, replicate=r))["clean"], labels) for r in range(5)]
    own, mean = nll(mine["clean"], labels), np.mean(five, axis=0)
    over_networks = np.std([each.mean() for each in five], ddof=1) / math.sqrt(5)
    shared = np.mean([covariance(*pair) for pair in combinations(five, 2)])
    over_images = shared + covariance(own, own) - 2 * covariance(mean, own)
    half_width = math.hypot(
        student.ppf(0.975, 4) * over_networks,
        student.ppf(0.975, 30 - 1) * math.sqrt(over_images),
    )
    assert row["difference"] == pytest.approx(own.mean() - mean.mean(), abs=1e-4)
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half_width, rel=3e-3)


def test_the_answer_of_the_run_stays_and_others_have_a_reason(
    beside: BenchmarkResults, out: Path
) -> None:
    is_mine = beside.answer["method"] == "mine"
    of_run = beside.answer[~is_mine].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_run, read_table(out, "answer.csv"))
    own = beside.answer[is_mine]
    assert set(own["best"]) == {""}
    assert own["reason"].str.contains("and most others 5").all()
    assert (own["lower"] < own["value"]).all()
    summary = beside.summary.query("method == 'mine'").merge(
        own, on=["condition", "score", "metric"]
    )
    assert len(summary) == len(own) == 5
    assert summary["lower_x"].tolist() == summary["lower_y"].tolist()
    rows = beside.differences
    assert set(rows["method"]) == {"mine"}
    assert len(rows) == 5 * 5  # three ensembles and two other methods, by five measures


def test_a_measure_needs_all_its_conditions(out: Path, mine: Arrays) -> None:
    results = score_beside(out, {"mine": {name: mine[name] for name in ("clean", ROTATED[0])}})
    assert set(results.answer.query("method == 'mine'")["metric"]) == {"accuracy", "nll"}
    assert set(results.differences["metric"]) == {"accuracy", "nll"}
    own = results.summary.query("method == 'mine'")
    assert set(own["condition"]) == {"clean", ROTATED[0]}


def test_files_are_scored_as_arrays_are_and_kept_for_comparisons(
    run: Run,
    out: Path,
    mine: Arrays,
    beside: BenchmarkResults,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"clean": "probabilities", "ood-uniform_noise": "ood_uniform_noise"}
    file, written = tmp_path / "mine.npz", tmp_path / "out"
    np.savez(file, labels=labels_of(run), **{names.get(n, n): own for n, own in mine.items()})
    assert status_of("score", file, "--beside", out, "--out", written) == 0
    shown = capsys.readouterr().out
    assert "mine less one network, and less what may be the best" in shown
    kept = load_results(written)
    assert len(pd.read_csv(written / "differences.csv")) == len(beside.differences)
    for name in ("summary", "answer", "measurements"):
        expected = getattr(beside, name).reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(kept, name), expected, check_dtype=False)
    board = (written / "tables" / "leaderboard.md").read_text(encoding="utf-8")
    assert "| mine |" in board
    show_comparison(written, "mine", "softmax")
    assert "A: mine, 1 replicates" in capsys.readouterr().out
    assert score_beside(written, {"again": {"clean": mine["clean"]}}).differences.query(
        "other_method == 'mine'"
    )["difference"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "predictions of no images; expected them of clean at least"),
        ({"clean": probabilities(99)}, r"has the shape \[99, 10\] .* with 1 members, 100 im"),
        ({"clean": probabilities(100)[:, :9]}, "and 10 classes"),
        ({"clean": probabilities(100)[:, 0]}, r"\[100\] .* numbers \[members, images, classes\]"),
        ({"clean": 2 * probabilities(100)}, "has 100 of 100 rows"),
        (
            {"clean": probabilities(100), "corrupted-fog": probabilities(100)},
            "corrupted-fog; .* gives: clean",
        ),
        ({"clean": probabilities(100), "labels": np.zeros(100, int)}, "not those of the run's"),
        ({"clean": probabilities(100), "labels": np.eye(100)}, "labels.argmax"),
        (
            {"clean": probabilities(100), "probabilities": probabilities(100)},
            "clean, clean; expected",
        ),
        (
            {"clean": probabilities(100)[None].repeat(3, 0), "rotated-030": probabilities(100)},
            "rotated-030.* with 3 members",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: Arrays, message: str, out: Path) -> None:
    with pytest.raises(ArgumentError, match=rf"^'mine': .*{message}") as refused:
        score_beside(out, {"mine": given})
    assert "\n" not in str(refused.value)


def test_names_of_methods_are_checked(out: Path, mine: Arrays) -> None:
    with pytest.raises(ArgumentError, match=r"'softmax' is a method of .*; rename yours"):
        score_beside(out, {"softmax": mine})
    with pytest.raises(ArgumentError, match="expected at least one method"):
        score_beside(out, {})
    with pytest.raises(ArgumentError, match="holds the control character"):
        score_beside(out, {"a\nb": mine})
    score_beside(out, {"swag": {"clean": mine["clean"]}})  # the run has none


DAMAGED: dict[str, dict[str, Any]] = {
    "an unknown condition": {"shown": np.array(["upside-down"])},
    "another number of images": {"sizes": np.array([99])},
    "a path": {"contestant method": np.array(["x/../../y"] * 5)},
    "no values": {"values": None},
}


@pytest.fixture
def kept(out: Path, tmp_path: Path) -> Path:
    """A copy of what a folder needs for comparisons."""
    for name in ("nouns.json", "summary.csv", "run.json"):
        shutil.copy(out / name, tmp_path)
    shutil.copytree(out / "influences", tmp_path / "influences")
    return tmp_path


@pytest.mark.parametrize("case", [*DAMAGED, "cut off", "vast"])
def test_damaged_influences_are_one_line(case: str, kept: Path) -> None:
    path = kept / "influences" / "nll-clean.npz"
    if case == "vast":
        write_vast(str(path))
    elif case == "cut off":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        arrays = unpacked(path) | DAMAGED[case]
        path.write_bytes(packed({name: own for name, own in arrays.items() if own is not None}))
    message = r"\A[^\n]*is damaged[^\n]*fetch it again, or make it by[^\n]*\Z"
    with pytest.raises(ArgumentError, match=message):
        images_beside(kept)


def test_folders_without_record_or_influences_are_refused(kept: Path) -> None:
    (kept / "run.json").unlink()
    with pytest.raises(ArgumentError, match=r"there is no run.json, which says which images"):
        images_beside(kept)
    shutil.rmtree(kept / "influences")
    with pytest.raises(ArgumentError, match=r"there is no influences/ in"):
        score_beside(kept, {"mine": {"clean": probabilities(IMAGES)}})


def test_images_are_those_that_the_run_predicts(run: Run, out: Path) -> None:
    images = images_beside(out)
    assert list(images) == ["clean", *ROTATED, "ood-uniform_noise"]
    for condition in run.plan.conditions:
        expected = run.workspace.evaluation_set(condition, run.plan).images
        assert torch.equal(images[condition.name], expected)
