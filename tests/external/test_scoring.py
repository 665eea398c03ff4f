"""Predictions of others scored: the numbers are those of the suite's own methods."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
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
from benchmarks.schema import read_table
from tests.measuring import known_of
from tests.processes import status_of

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


def test_the_best_of_several_files_are_what_the_rule_says_of_the_arrays() -> None:
    """The first is the worst, and the others are alike."""
    arrays = {name: members(k, labels=LABELS if k else None) for k, name in enumerate("abc")}
    results = scored(**{name: {"probabilities": each} for name, each in arrays.items()}).results
    computed = results.answer.query("metric == 'nll'")
    losses = [-np.log(each.mean(axis=0)[np.arange(IMAGES), LABELS]) for each in arrays.values()]
    contestants = [Contestant(name, str(MEMBERS), 1.0) for name in arrays]
    evidence = known_of(dict(zip(contestants, ([each] for each in losses), strict=True)))
    rows = answer([evidence], {})
    assert computed["best"].tolist() == [row.best for row in rows] == ["no", "yes", "yes"]
    expected = [row.stays or np.nan for row in rows]
    np.testing.assert_allclose(computed["stays"], expected, atol=0.02)
    for row, each in zip(computed.to_dict("records"), losses, strict=True):
        half_width = student.ppf(0.975, IMAGES - 1) * each.std() / math.sqrt(IMAGES)
        assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half_width, rel=3e-3)


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
