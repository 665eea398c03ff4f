"""Predictions of others scored: the numbers are those of the suite's own methods."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.inference.rule import answer
from benchmarks.intake import reading
from benchmarks.intake.given import Scored
from benchmarks.intake.given import score as scored_methods
from benchmarks.intake.reading import read_predictions
from benchmarks.metrics.conformal import KINDS, PredictionSets, thresholds
from benchmarks.nouns import Contestant
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import Measurement, in_order, read_table, table_of
from methods import Prediction
from methods.scores import SCORES
from tests.measuring import every_row, known_of
from tests.processes import status_of
from tests.runs import CONDITIONS

IMAGES, MEMBERS, CLASSES = 120, 4, 7


def members(
    seed: int, images: int = IMAGES, labels: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(MEMBERS, images, CLASSES))
    if labels is not None:
        logits[:, np.arange(images), labels] += 2
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


LABELS = np.random.default_rng(0).integers(CLASSES, size=IMAGES)
GOOD, FAR = members(1, labels=LABELS), members(3, images=50)


def scored(**methods: dict[str, NDArray[np.float64]]) -> Scored:
    """What is computed of a file of arrays a method."""
    for name, arrays in methods.items():
        np.savez(f"{name}.npz", labels=LABELS, **arrays)
    read = [read_predictions(Path(f"{name}.npz")) for name in methods]
    return scored_methods(read, resamples=100, seed=0)


def stored(array: NDArray[np.float64], *, labelled: bool) -> StoredPrediction:
    """As a run stores it, with the score that probabilities of members give."""
    prediction, gen = Prediction.of(torch.from_numpy(array)), SCORES["gen"].function
    assert gen is not None
    with_score = replace(prediction, scores={"gen": gen(prediction.member_probabilities)})
    return StoredPrediction(with_score, torch.from_numpy(LABELS) if labelled else None)


def contents(*names: str, **arrays: NDArray[np.float64]) -> dict[str, bytes]:
    """The files that scoring these writes, by their names."""
    for name in names:
        np.savez(name, probabilities=GOOD, labels=LABELS, **arrays)
    assert status_of("score", *names, "--out", "out", "--resamples", "100") == 0
    return {path.name: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}


def test_command_writes_what_a_run_writes_and_leaves_nothing_stale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    of_sets, of_several = {"roc.png", "auroc-unknown.npz"}, {"answer.csv", "leaderboard.md"}
    both = contents("mine.npz", "other.npz", ood_far=FAR)
    assert re.search(r"Clean\n +mine, M = 4 +other, M = 4", capsys.readouterr().out)
    assert of_sets | of_several | {"summary.csv", "index.html", "reliability.png"} <= both.keys()
    summary = read_table(Path("out"), "summary.csv")
    assert set(summary["condition"]) == {"clean", "ood-far", "out-of-distribution-mean"}
    assert "50 to 120 images per condition." in both["main.md"].decode()
    # Of one file, only what one contestant can fill is written.
    alone = contents("mine.npz", ood_far=FAR)
    assert of_sets - {"auroc-unknown.npz"} <= alone.keys()
    assert not (of_several | {"answer.json", "worth.png", "nll-clean.npz"}) & alone.keys()
    assert all(len(pd.read_csv(path)) for path in Path("out").rglob("*.csv"))
    Path("mine.npz").unlink()
    again = contents("mine.npz")
    assert not of_sets & again.keys()
    assert contents("mine.npz") == again
    record = json.loads(again["score.json"])
    assert (record["resamples"], record["seed"], list(record["files"])) == (100, 0, ["mine"])


def test_rows_are_those_of_the_suites_own_methods() -> None:
    predictions = {
        CONDITIONS["clean"]: stored(GOOD, labelled=True),
        CONDITIONS["ood-kmnist"]: stored(FAR, labelled=False),
    }
    unit, clean = RunUnit("mine", None, 1.0, 0), predictions[CONDITIONS["clean"]]
    rows = (row for c, own in predictions.items() for row in every_row(unit, c, own, clean))
    expected = in_order(table_of(Measurement, rows))
    measurements = scored(mine={"probabilities": GOOD, "ood_kmnist": FAR}).measurements
    measurements = measurements[measurements["condition"] != "out-of-distribution-mean"]
    pd.testing.assert_frame_equal(measurements.reset_index(drop=True), expected, check_exact=True)


def three_methods() -> dict[str, dict[str, NDArray[np.float64]]]:
    """The first is the worst, and the others are alike."""
    arrays = {}
    for seed, name in enumerate("abc"):
        labels = None if name == "a" else LABELS
        arrays[name] = {
            "probabilities": members(seed, labels=labels),
            **{f"ood_{n}": members(9 + seed + k, images=k) for n, k in (("far", 50), ("near", 80))},
        }
    return arrays


def test_the_best_of_several_files_are_what_the_rule_says_of_the_arrays() -> None:
    arrays = three_methods()
    computed = scored(**arrays).results.answer.query("metric == 'nll'")
    chosen = np.arange(IMAGES), LABELS
    losses = [-np.log(each["probabilities"].mean(axis=0)[chosen]) for each in arrays.values()]
    contestants = [Contestant(name, str(MEMBERS), 1.0) for name in arrays]
    evidence = known_of(dict(zip(contestants, ([each] for each in losses), strict=True)))
    rows = answer([evidence], {})
    assert computed["best"].tolist() == [row.best for row in rows] == ["no", "yes", "yes"]
    expected = [row.stays or np.nan for row in rows]
    np.testing.assert_allclose(computed["stays"], expected, atol=0.02)
    for row, each in zip(computed.to_dict("records"), losses, strict=True):
        error = each.std() / math.sqrt(IMAGES)
        half_width = student.ppf(0.975, IMAGES - 1) * error
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half_width, rel=3e-3)


def test_detection_is_judged_by_the_mean_of_all_sets() -> None:
    results = scored(**three_methods()).results
    rows = results.summary.query("metric == 'auroc' and score == 'predictive_entropy'")
    by_set = rows.pivot_table(index="method", columns="condition", values="value")
    mean = by_set[["ood-far", "ood-near"]].mean(axis=1)
    np.testing.assert_allclose(by_set["out-of-distribution-mean"], mean)
    judged = results.answer.query("metric == 'auroc'")
    assert set(judged["condition"]) == {"out-of-distribution-mean"}
    np.testing.assert_allclose(judged["value"], mean, atol=1e-4)
    assert set(judged["best"]) <= {"yes", "no"}


def test_what_cannot_be_compared_has_a_reason() -> None:
    alone = scored(mine={"probabilities": GOOD, "ood_far": FAR}).results.answer
    assert set(alone["best"]) == {""}
    assert set(alone["reason"]) == {"there is no other contestant of this budget"}
    certain = np.eye(CLASSES)[(LABELS + 1) % CLASSES]
    both = scored(wrong={"probabilities": certain}, mine={"probabilities": GOOD[0]}).results.answer
    reasons = both.set_index(["method", "metric"])["reason"]
    assert reasons["wrong", "nll"] == "a value is infinite"
    assert reasons["wrong", "accuracy"] == ""


def test_calibration_predictions_give_sets_and_recalibrated_metrics() -> None:
    labels = np.random.default_rng(5).integers(CLASSES, size=IMAGES)
    calibration = members(6, labels=labels)
    arrays = {"calibration_probabilities": calibration, "calibration_labels": labels}
    summary = scored(mine={"probabilities": GOOD, **arrays}).results.summary
    values = summary.set_index("metric")["value"]
    fitted = thresholds(torch.from_numpy(calibration.mean(axis=0)), torch.from_numpy(labels))
    mean = torch.from_numpy(GOOD.mean(axis=0))
    sets = PredictionSets(mean, torch.from_numpy(LABELS), fitted)
    for kind in KINDS:
        expected = sets.cover(kind, 95).double().mean().item()
        assert values[f"{kind.name}_coverage_95"] == pytest.approx(expected)
    assert math.isfinite(values["nll_recalibrated"])
    without = scored(mine={"probabilities": GOOD}).results.summary.set_index("metric")["reason"]
    assert without["lac_size_99"] == "there are no predictions of calibration images"


@pytest.mark.parametrize("member_count", [1, 3])
def test_numbers_do_not_depend_on_blocks_or_storage(
    member_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbers(save: Callable[..., None], order: Callable[..., object]) -> list[str]:
        arrays = {"probabilities": order(GOOD[:member_count]), "ood_far": order(FAR[:member_count])}
        save("mine.npz", labels=LABELS, **arrays)
        computed = scored_methods([read_predictions(Path("mine.npz"))], resamples=100, seed=0)
        tables = computed.results.summary, computed.results.answer, computed.measurements
        return [table.to_csv() for table in tables]

    expected = numbers(np.savez, np.ascontiguousarray)
    monkeypatch.setattr(reading, "BLOCK_VALUES", 300)
    assert numbers(np.savez, np.ascontiguousarray) == expected
    assert numbers(np.savez_compressed, np.asfortranarray) == expected
