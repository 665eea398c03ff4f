"""Damaged prediction files of a run: what was predicted, or one line; never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from methods import Prediction
from tests.hostile.mutation import LENGTHS, files_damaged, fuzz, outcome

UNITS = [RunUnit("standard", "mc_dropout", 3, replicate) for replicate in range(2)]


def predicted(seed: int) -> StoredPrediction:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 6, 10, generator=random)
    labels = torch.randint(10, (6,), generator=random)
    return StoredPrediction(Prediction.of_logits(logits), labels, sources={"a": 7})


def alike(one: StoredPrediction, other: StoredPrediction) -> bool:
    both = one.prediction, other.prediction
    return (
        torch.equal(both[0].mean, both[1].mean)
        and torch.equal(both[0].vote_share, both[1].vote_share)
        and torch.equal(both[0].expected_entropy, both[1].expected_entropy)
        and both[0].members == both[1].members
        and both[0].scores.keys() == both[1].scores.keys()
        and one.labels is not None
        and other.labels is not None
        and torch.equal(one.labels, other.labels)
        and one.sources == other.sources
    )


@pytest.mark.parametrize("times", LENGTHS)
def test_only_what_was_predicted_is_loaded(times: int, tmp_path: Path) -> None:
    store = PredictionStore(tmp_path)
    contents = []
    for seed, unit in enumerate(UNITS):
        for condition in ("clean", "rotated-045"):
            store.save(unit, condition, predicted(seed))
            contents.append(store.path(unit, condition).read_bytes())
    path, expected = store.path(UNITS[0], "clean"), store.load(UNITS[0], "clean")

    def holds(content: bytes) -> None:
        path.write_bytes(content)
        loaded = outcome(lambda: store.load(UNITS[0], "clean"), UserError)
        assert loaded is None or alike(loaded, expected)

    fuzz(holds, 150 * times, content=files_damaged(contents))
