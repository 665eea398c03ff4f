"""Prediction files: written once and whole, read back as they were, but for rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from methods import Prediction

UNIT = RunUnit("standard", "mc_dropout", 10, 3)


def stored(members: int | None = 4, *, labelled: bool = True, images: int = 30) -> StoredPrediction:
    random = np.random.default_rng(0)
    prediction = Prediction.of(torch.from_numpy(random.dirichlet(np.ones(10), (4, images))))
    labels = torch.from_numpy(random.integers(10, size=images))
    scores = {
        "distance": torch.from_numpy(random.random(images)),
        "mean": torch.from_numpy(random.random(images).astype(np.float32)),
    }
    return StoredPrediction(
        replace(prediction, members=members, scores=scores),
        labels if labelled else None,
        {"spread": torch.from_numpy(random.random(images))},
        {"spread": 2**63 - 1},
    )


@pytest.fixture
def store(tmp_path: Path) -> PredictionStore:
    return PredictionStore(tmp_path / "predictions")


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("members", [1, 4, 100, None])
def test_file_is_read_back_as_it_was(
    members: int | None, labelled: bool, store: PredictionStore
) -> None:
    written = stored(members, labelled=labelled)
    store.save(UNIT, "clean", written)
    read = store.load(UNIT, "clean")
    for name in ("mean", "vote_share", "expected_entropy"):
        one, other = (getattr(part.prediction, name) for part in (read, written))
        assert one.dtype == other.dtype
        if name == "mean":
            torch.testing.assert_close(one, other, rtol=1.2e-7, atol=0)
            assert ((one.sum(dim=1) - 1).abs() < 1e-15).all()
        else:
            assert torch.equal(one, other)
    assert read.prediction.members == members
    assert set(read.prediction.scores) == {"distance", "mean"}
    for name, score in written.prediction.scores.items():
        assert read.prediction.scores[name].dtype == score.dtype
        assert torch.equal(read.prediction.scores[name], score)
    assert read.member_values.keys() == {"spread"}
    assert torch.equal(read.member_values["spread"], written.member_values["spread"])
    assert read.sources == written.sources
    if written.labels is None:
        assert read.labels is None
    else:
        assert read.labels is not None
        assert torch.equal(read.labels, written.labels)


def test_file_has_its_path_and_names_of_arrays_that_others_can_read(
    store: PredictionStore,
) -> None:
    store.save(UNIT, "rotated-015", stored())
    path = store.folder / "standard" / "mc_dropout-10" / "replicate-03" / "rotated-015.npz"
    with np.load(path) as file:
        assert set(file.files) == {
            *("mean", "votes", "expected_entropy", "members", "labels"),
            *("score:distance", "score:mean", "members:spread", "source:spread"),
            *("unit", "condition", "machine", "sha256"),
        }
        assert file["unit"] == "standard/mc_dropout-10/replicate-03"
        assert file["condition"] == "rotated-015"
        assert file["mean"].shape == (30, 10)
        assert file["members"] == 4
        assert file["mean"].dtype == np.float32
        assert file["votes"].dtype == np.uint8
        assert (file["votes"].sum(axis=1) == 4).all()


def of_logits(logits: torch.Tensor) -> StoredPrediction:
    return StoredPrediction(Prediction.of_logits(logits), None)


def mean_read_back(store: PredictionStore, written: StoredPrediction) -> torch.Tensor:
    store.save(UNIT, "clean", written)
    return store.load(UNIT, "clean").prediction.mean


@pytest.mark.parametrize("members", [1, 2, 3, 7, 50, 255, 256, 1000])
def test_votes_are_exact(members: int, store: PredictionStore) -> None:
    random = torch.Generator().manual_seed(members)
    written = of_logits(torch.randn(members, 40, 10, generator=random))
    store.save(UNIT, "clean", written)
    read = store.load(UNIT, "clean").prediction
    assert torch.equal(read.vote_share, written.prediction.vote_share)


def test_very_certain_predictions_stay_in_their_order(store: PredictionStore) -> None:
    """In single precision all of them would have a confidence of 1."""
    margins = torch.linspace(20, 34, 200)
    logits = torch.zeros(1, 200, 10).index_copy(2, torch.tensor([3]), margins[None, :, None])
    written = of_logits(logits)
    confidence = written.prediction.mean.max(dim=1).values
    assert (confidence.float() == 1).all()
    read = mean_read_back(store, written)
    doubt = 1 - read.max(dim=1).values
    torch.testing.assert_close(doubt, 1 - confidence, rtol=1e-6, atol=1e-15)
    assert (doubt.diff() < 0).all()
    assert torch.equal(read.argmax(dim=1), torch.full((200,), 3))


def test_tied_classes_stay_tied(store: PredictionStore) -> None:
    logits = torch.tensor([[0.0] * 10, [5.0, 5.0, *[0.0] * 8], [9.0, 9.0, 9.0, *[0.0] * 7]])
    read = mean_read_back(store, of_logits(logits[None]))
    assert read.argmax(dim=1).tolist() == [0, 0, 0]
    assert read[0].unique().numel() == 1
    assert read[1, 0] == read[1, 1]


@pytest.mark.parametrize("gap", [1e-8, 1e-9, 1e-15])
def test_most_probable_class_stays_so(gap: float, store: PredictionStore) -> None:
    """In single precision both are equally probable, and the first would be predicted."""
    mean = torch.tensor([[0.5 - gap, 0.5 + gap], [0.9, 0.1]], dtype=torch.float64)
    assert mean.float()[0].unique().numel() == 1
    read = mean_read_back(store, StoredPrediction(Prediction.of(mean[None]), None))
    assert read.argmax(dim=1).tolist() == [1, 0]


def test_probability_too_small_for_single_precision_is_kept(store: PredictionStore) -> None:
    mean = torch.tensor([[1 - 1e-60, 1e-60], [0.5, 0.5]], dtype=torch.float64)
    zero = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    for kept in (mean, zero):
        written = StoredPrediction(Prediction.of(kept[None]), None)
        assert torch.equal(mean_read_back(store, written), kept)


def test_nothing_is_held_before_it_is_written(store: PredictionStore) -> None:
    assert not store.holds(UNIT, "clean")
    store.save(UNIT, "clean", stored())
    assert store.holds(UNIT, "clean")
    assert not store.holds(UNIT, "rotated-015")
    assert not store.holds(replace(UNIT, replicate=4), "clean")


def test_same_prediction_is_written_in_the_same_bytes(
    store: PredictionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(UNIT, "clean", stored())
    other = PredictionStore(tmp_path / "other")
    monkeypatch.setattr("time.time", lambda: 1e9)
    other.save(UNIT, "clean", stored())
    assert store.path(UNIT, "clean").read_bytes() == other.path(UNIT, "clean").read_bytes()


DAMAGES = {
    "empty": lambda content: b"",
    "end missing": lambda content: content[:-30],
    "byte of the data": lambda content: content[:900] + bytes([content[900] ^ 255]) + content[901:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_what_to_do(damage: str, store: PredictionStore) -> None:
    store.save(UNIT, "clean", stored())
    path = store.path(UNIT, "clean")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(UserError) as refused:
        store.load(UNIT, "clean")
    message = str(refused.value)
    assert str(path) in message
    assert "run without --only to predict it again" in message
    assert "\n" not in message


def test_prediction_is_complete_with_the_values_of_these_sources(store: PredictionStore) -> None:
    assert not store.is_complete(UNIT, "clean", {})
    store.save(UNIT, "clean", stored())
    assert store.is_complete(UNIT, "clean", {})
    assert store.is_complete(UNIT, "clean", {"spread": 2**63 - 1})
    assert not store.is_complete(UNIT, "clean", {"spread": 0})
    assert not store.is_complete(UNIT, "clean", {"distance": 2**63 - 1})
