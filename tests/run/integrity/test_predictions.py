"""Each probe of stored predictions passes on what is sound, and fails on the fault it is for."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.inference import measures as measure
from benchmarks.predictions import StoredPrediction
from benchmarks.run.integrity.check import Check, IntegrityError, require_passed
from benchmarks.run.integrity.predictions import (
    ProbedPrediction,
    probe_prediction,
    summarise_predictions,
)
from benchmarks.run.integrity.recomputation import recomputed_against_labels, recomputed_auroc
from methods import Prediction

IMAGES = 60


def stored(seed: int = 0, *, labelled: bool = True) -> StoredPrediction:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, IMAGES, 10, generator=generator)
    labels = torch.randint(10, (IMAGES,), generator=generator)
    logits += 4 * torch.nn.functional.one_hot(labels, 10)
    return StoredPrediction(Prediction.of_logits(logits), labels if labelled else None)


def checks(one: StoredPrediction, reference: StoredPrediction | None = None) -> tuple[Check, Check]:
    sound, recomputed = summarise_predictions([probe_prediction("some/clean", one, reference)])
    return sound, recomputed


def test_sound_shard_passes_both() -> None:
    sound, recomputed = checks(stored(), stored(1))
    assert sound.passed
    assert (sound.found["rows"], sound.found["unsound rows"]) == (2 * IMAGES, 0)
    assert recomputed.passed
    assert recomputed.found["values compared (first replicates)"] == 5
    assert recomputed.found["largest difference of the others"] < 1e-12


@pytest.mark.parametrize("number", [math.nan, -0.1, 2.0, math.inf])
@pytest.mark.parametrize("part", ["mean", "vote_share"])
def test_one_bad_number_is_found_and_its_shard_named(part: str, number: float) -> None:
    one = stored()
    spoilt = getattr(one.prediction, part).clone()
    spoilt[7, 3] = number
    sound, recomputed = checks(
        StoredPrediction(replace(one.prediction, **{part: spoilt}), one.labels)
    )
    assert (sound.passed, sound.subject) == (False, "some/clean")
    assert sound.found["unsound rows"] == 1
    assert recomputed.found["values compared (first replicates)"] == 0
    json.dumps(sound.found, allow_nan=False)


@pytest.mark.parametrize("number", [math.nan, -0.1, 3.0, math.inf])
@pytest.mark.parametrize("part", ["expected_entropy", "score"])
def test_one_impossible_entropy_or_score_is_found(part: str, number: float) -> None:
    prediction = replace(stored().prediction, scores={"own": torch.linspace(-9, 9, IMAGES)})
    spoilt = prediction.expected_entropy.clone()
    spoilt[7] = number
    spoilt = {"expected_entropy": spoilt} if part != "score" else {"scores": {"own": spoilt}}
    sound, recomputed = checks(StoredPrediction(replace(prediction, **spoilt), stored().labels))
    wrong = part == "expected_entropy" or not math.isfinite(number)
    assert sound.passed is not wrong
    assert sound.found["images of an impossible entropy or score"] == wrong
    assert sound.found["images with sound rows"] == IMAGES
    assert (recomputed.found["values compared (first replicates)"] == 0) is wrong


@pytest.mark.parametrize("metric", ["accuracy", "nll", "brier", "ece", "auroc"])
@pytest.mark.parametrize("wrong", [1e-5, math.nan])
def test_measure_that_went_wrong_is_found(
    metric: str, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_all = measure.DETECTION if metric == "auroc" else measure.LABELLED
    right = of_all[metric]
    monkeypatch.setitem(of_all, metric, lambda *arguments: right(*arguments) + wrong)
    sound, recomputed = checks(stored(), stored(1))
    assert sound.passed
    assert (recomputed.passed, recomputed.subject) == (False, "some/clean")
    assert recomputed.found["values that differ"] == 1


def test_infinite_likelihood_is_the_same_both_ways() -> None:
    mean = torch.tensor([[1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    one = StoredPrediction(Prediction.of(mean[None]), torch.tensor([1, 1]))
    assert checks(one)[1].passed


def test_ood_images_are_compared_by_auroc_alone() -> None:
    recomputed = checks(stored(labelled=False), stored(1))[1]
    assert recomputed.found["values compared (first replicates)"] == 1


def test_later_replicates_are_looked_at_but_not_measured_again() -> None:
    later = probe_prediction("some/clean", stored(), None, recompute=False)
    assert (later.rows, later.unsound, later.compared) == (2 * IMAGES, 0, 0)


def test_shards_are_summed_up_whatever_their_order() -> None:
    probed = [
        ProbedPrediction(name, 10, 0, off, 5, 0, 5, 0, off)
        for name, off in (("a", 1e-9), ("b", 0.0))
    ]
    assert summarise_predictions(probed) == summarise_predictions(reversed(probed))
    sound, recomputed = summarise_predictions(probed)
    assert list(sound.found.values()) == [2, 20, 0, 1e-9, 10, 0]
    assert list(recomputed.found.values()) == [10, 0, 1e-9]
    assert summarise_predictions([]) == []


def test_independent_computation_by_hand() -> None:
    mean = np.array([[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]])
    again = recomputed_against_labels(mean, np.array([0, 0, 0]))
    assert again["accuracy"] == 2 / 3
    assert again["nll"] == pytest.approx(3 * math.log(2) / 3)
    assert again["brier"] == pytest.approx((0 + 2 * 0.75**2 + 0.5) / 3)
    assert again["ece"] == pytest.approx((0 + 0.75 + 0.5) / 3)
    assert recomputed_auroc(mean[:2], mean[2:]) == 1


def test_failed_probe_is_told_in_one_line() -> None:
    with pytest.raises(IntegrityError, match=r"'sums' failed.*of standard that.*\(off: 0\.5\)"):
        require_passed([Check("sums", "rows sum to 1", "standard", {"off": 0.5}, passed=False)])
