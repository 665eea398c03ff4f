"""Prediction files: written once and whole, read back as they were, but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.predictions import (
    PoolNetwork,
    PredictionStore,
    RunUnit,
    StoredOutputs,
    StoredPrediction,
)
from methods import Prediction

UNIT = RunUnit("mc_dropout", 10, 1.0, 3)


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
        {"spread": 2**63 - 1},
        {"energy": "no logits"},
        groups=torch.arange(images) * 20 if labelled else None,
    )


@pytest.fixture
def store(tmp_path: Path) -> PredictionStore:
    return PredictionStore(tmp_path / "predictions")


@pytest.mark.parametrize(("members", "labelled"), [(1, True), (4, False), (None, True)])
def test_file_is_read_back_as_it_was(
    members: int | None, labelled: bool, store: PredictionStore
) -> None:
    written = stored(members, labelled=labelled)
    store.save(UNIT, "clean", written)
    read = store.load(UNIT, "clean")
    torch.testing.assert_close(read.prediction.mean, written.prediction.mean, rtol=1.2e-7, atol=0)
    assert ((read.prediction.mean.sum(dim=1) - 1).abs() < 1e-15).all()
    exact = {"rtol": 0, "atol": 0}
    for name in ("vote_share", "expected_entropy", "scores", "members"):
        pair = (getattr(side.prediction, name) for side in (read, written))
        torch.testing.assert_close(*pair, **exact)
    torch.testing.assert_close(read.labels, written.labels, **exact)
    torch.testing.assert_close(read.groups, written.groups, **exact)
    assert (read.sources, read.reasons) == (written.sources, written.reasons)


def test_outputs_of_a_network_are_read_back_as_they_were(store: PredictionStore) -> None:
    random = torch.Generator().manual_seed(0)
    written = StoredOutputs(
        torch.randn(30, 10, generator=random),
        torch.arange(30) % 10,
        {"knn": torch.rand(30, generator=random)},
        {"knn": 7},
        {"ddu": "the covariance is singular"},
        groups=torch.arange(30) // 3,
    )
    network = PoolNetwork("well-trained-epochs-5", 41)
    assert network.name.endswith("well-trained-epochs-5/network-041")
    store.save(network, "clean", written)
    assert store.path(network, "clean") == store.folder / network.name / "clean.npz"
    read = store.load_outputs(network, "clean")
    for name in ("logits", "labels", "scores", "groups"):
        pair = (getattr(side, name) for side in (read, written))
        torch.testing.assert_close(*pair, rtol=0, atol=0)
    assert (read.sources, read.reasons) == (written.sources, written.reasons)
    assert store.complete(network, {"knn": 7}) == {"clean"}
    assert store.complete(network, {"knn": 8}) == set()
    with pytest.raises(UserError, match=r"no prediction .*network-041/rotated-015\.npz; run"):
        store.load_outputs(network, "rotated-015")


def read_back(store: PredictionStore, prediction: Prediction) -> Prediction:
    store.save(UNIT, "clean", StoredPrediction(prediction, None))
    return store.load(UNIT, "clean").prediction


@pytest.mark.parametrize("members", [1, 3, 50, 255, 256, 1000])
def test_votes_are_exact(members: int, store: PredictionStore) -> None:
    random = torch.Generator().manual_seed(members)
    written = Prediction.of_logits(torch.randn(members, 40, 10, generator=random))
    assert torch.equal(read_back(store, written).vote_share, written.vote_share)


def test_very_certain_predictions_stay_in_their_order(store: PredictionStore) -> None:
    """In single precision all of them would have a confidence of 1."""
    margins = torch.linspace(20, 34, 200)
    logits = torch.zeros(1, 200, 10).index_copy(2, torch.tensor([3]), margins[None, :, None])
    written = Prediction.of_logits(logits)
    confidence = written.mean.max(dim=1).values
    assert (confidence.float() == 1).all()
    read = read_back(store, written).mean
    doubt = 1 - read.max(dim=1).values
    torch.testing.assert_close(doubt, 1 - confidence, rtol=1e-6, atol=1e-15)
    assert (doubt.diff() < 0).all()
    assert torch.equal(read.argmax(dim=1), torch.full((200,), 3))


def test_most_probable_class_stays_so(store: PredictionStore) -> None:
    """In single precision both are equally probable; what is tied stays tied."""
    for gap in (1e-8, 1e-15):
        mean = torch.tensor([[0.5 - gap, 0.5 + gap], [0.9, 0.1]], dtype=torch.float64)
        assert mean.float()[0].unique().numel() == 1
        assert read_back(store, Prediction.of(mean[None])).mean.argmax(dim=1).tolist() == [1, 0]
    logits = torch.tensor([[0.0] * 10, [5.0, 5.0, *[0.0] * 8]])
    tied = read_back(store, Prediction.of_logits(logits[None])).mean
    assert tied[0].unique().numel() == 1
    assert tied[1, 0] == tied[1, 1]


def test_probability_too_small_for_single_precision_is_kept(store: PredictionStore) -> None:
    mean = torch.tensor([[1 - 1e-60, 1e-60], [1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    for kept in (mean, mean[1:2]):
        assert torch.equal(read_back(store, Prediction.of(kept[None])).mean, kept)


def test_same_predictions_are_written_in_the_same_bytes(
    store: PredictionStore, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"no prediction .*replicate-03/clean\.npz; run without"):
        store.load(UNIT, "clean")
    store.save(UNIT, "rotated-015", stored(images=3))
    store.save(UNIT, "clean", stored(images=4))
    store.save(UNIT, "clean", stored())
    other = PredictionStore(tmp_path / "other")
    other.save(UNIT, "clean", stored())
    first, second = (each.path(UNIT, "clean").read_bytes() for each in (store, other))
    assert first == second
    assert store.conditions(UNIT) == ["clean", "rotated-015"]
    assert [len(store.load(UNIT, name).prediction.mean) for name in ("clean", "rotated-015")] == [
        *(30, 3)
    ]


def without_arrays(_: bytes) -> bytes:
    with BytesIO() as file:
        with ZipFile(file, "w") as archive:
            archive.writestr("about.npy", b"hello")
        return file.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-30],
        lambda content: content[:900] + bytes([content[900] ^ 255]) + content[901:],
        without_arrays,
    ],
    ids=["empty", "end missing", "byte of the data", "no arrays"],
)
def test_damaged_file_is_named_with_what_to_do(
    damage: Callable[[bytes], bytes], store: PredictionStore
) -> None:
    store.save(UNIT, "clean", stored())
    path = store.path(UNIT, "clean")
    path.write_bytes(damage(path.read_bytes()))
    remedy = "is removed; run again, without --only"
    message = rf"the prediction file {path} cannot be used \([^\n]+\) and {remedy}"
    with pytest.raises(UserError, match=rf"\A{message}\Z"):
        store.load(UNIT, "clean")


def test_prediction_is_complete_with_the_values_of_these_sources(store: PredictionStore) -> None:
    store.save(UNIT, "clean", stored())
    store.save(UNIT, "rotated-015", replace(stored(), sources={}))
    complete = {"clean", "rotated-015"}
    assert store.complete(UNIT, {}) == complete
    assert store.complete(UNIT, {"spread": 2**63 - 1}) == {"clean"}
    for other in ({"spread": 0}, {"distance": 2**63 - 1}):
        assert store.complete(UNIT, other) == set()
