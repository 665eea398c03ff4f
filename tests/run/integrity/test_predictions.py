"""The probe of stored predictions passes on what is sound, and fails on the fault it is for."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from benchmarks.predictions import StoredPrediction
from benchmarks.run.integrity.check import Check, IntegrityError, require_passed
from benchmarks.run.integrity.predictions import (
    ProbedPrediction,
    probe_prediction,
    summarise_predictions,
)
from methods import Prediction

IMAGES = 60


def stored(seed: int = 0) -> StoredPrediction:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, IMAGES, 10, generator=generator)
    return StoredPrediction(
        Prediction.of_logits(logits), torch.randint(10, (IMAGES,), generator=generator)
    )


def check(one: StoredPrediction) -> Check:
    (sound,) = summarise_predictions([probe_prediction("some/clean", one)])
    return sound


def test_sound_prediction_passes() -> None:
    sound = check(stored())
    assert sound.passed
    assert sound.subject == "all predictions"
    assert (sound.found["rows"], sound.found["unsound rows"]) == (2 * IMAGES, 0)


@pytest.mark.parametrize("number", [math.nan, -0.1, 2.0, math.inf])
@pytest.mark.parametrize("part", ["mean", "vote_share"])
def test_one_bad_number_is_found_and_its_file_named(part: str, number: float) -> None:
    one = stored()
    spoilt = getattr(one.prediction, part).clone()
    spoilt[7, 3] = number
    sound = check(StoredPrediction(replace(one.prediction, **{part: spoilt}), one.labels))
    assert (sound.passed, sound.subject) == (False, "some/clean")
    assert sound.found["unsound rows"] == 1
    json.dumps(sound.found, allow_nan=False)


@pytest.mark.parametrize("number", [math.nan, -0.1, 3.0, math.inf])
@pytest.mark.parametrize("part", ["expected_entropy", "score"])
def test_one_impossible_entropy_or_score_is_found(part: str, number: float) -> None:
    prediction = replace(stored().prediction, scores={"custom": torch.linspace(-9, 9, IMAGES)})
    spoilt = prediction.expected_entropy.clone()
    spoilt[7] = number
    spoilt = {"expected_entropy": spoilt} if part != "score" else {"scores": {"custom": spoilt}}
    sound = check(StoredPrediction(replace(prediction, **spoilt), stored().labels))
    wrong = part == "expected_entropy" or not math.isfinite(number)
    assert sound.passed is not wrong
    assert sound.found["images of an impossible entropy or score"] == wrong
    assert sound.found["images with sound rows"] == IMAGES


def test_predictions_are_summed_up_whatever_their_order() -> None:
    probed = [ProbedPrediction(name, 10, 0, off, 5, 0) for name, off in (("a", 1e-9), ("b", 0.0))]
    assert summarise_predictions(probed) == summarise_predictions(reversed(probed))
    (sound,) = summarise_predictions(probed)
    assert list(sound.found.values()) == [2, 20, 0, 1e-9, 10, 0]
    assert summarise_predictions([]) == []


def test_failed_probe_is_one_line() -> None:
    with pytest.raises(IntegrityError, match=r"'sums' failed.*of standard that.*\(off: 0\.5\)"):
        require_passed([Check("sums", "rows sum to 1", "standard", {"off": 0.5}, passed=False)])
