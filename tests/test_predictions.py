"""Prediction files: written once and whole, read back as they were, but for rounding."""

from __future__ import annotations

import errno
import json
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from methods import Prediction
from methods.determinism import machine
from tests.runs import predicted_arrays

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
        {"energy": "no logits"},
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
    assert (read.sources, read.reasons) == (written.sources, written.reasons)
    if written.labels is None:
        assert read.labels is None
    else:
        assert read.labels is not None
        assert torch.equal(read.labels, written.labels)


def test_file_has_its_path_and_arrays_that_others_can_read(
    store: PredictionStore,
) -> None:
    store.save(UNIT, "rotated-015", stored())
    path = store.folder / "standard" / "mc_dropout-10" / "replicate-03.zip"
    arrays = predicted_arrays(path, "rotated-015")
    assert arrays.keys() == {
        *("about", "mean", "votes", "expected_entropy", "labels"),
        *("score:distance", "score:mean", "members:spread"),
    }
    about = json.loads(str(arrays["about"]))
    assert about == {
        "members": 4,
        "remark": "",
        "machine": machine(),
        "sources": {"spread": 2**63 - 1},
        "reasons": {"energy": "no logits"},
    }
    assert arrays["mean"].shape == (30, 10)
    assert arrays["mean"].dtype == np.float32
    assert arrays["votes"].dtype == np.uint8
    assert (arrays["votes"].sum(axis=1) == 4).all()


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
    assert store.conditions(UNIT) == []
    assert store.load_if_there(UNIT, "clean") is None
    with pytest.raises(UserError, match=r"replicate-03\.zip holds no prediction of clean; run "):
        store.load(UNIT, "clean")
    store.save(UNIT, "clean", stored())
    assert store.holds(UNIT, "clean")
    assert not store.holds(UNIT, "rotated-015")
    assert not store.holds(replace(UNIT, replicate=4), "clean")


def test_same_predictions_are_written_in_the_same_bytes(
    store: PredictionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order, and however many at once."""
    store.save(UNIT, "rotated-015", stored(images=3))
    store.save(UNIT, "clean", stored(images=4))
    store.save(UNIT, "clean", stored())
    other = PredictionStore(tmp_path / "other")
    monkeypatch.setattr("time.time", lambda: 1e9)
    with other.saving() as save:
        save(UNIT, "clean", stored())
        save(UNIT, "rotated-015", stored(images=3))
    assert store.path(UNIT).read_bytes() == other.path(UNIT).read_bytes()
    assert store.conditions(UNIT) == ["clean", "rotated-015"]
    assert [len(store.load(UNIT, name).prediction.mean) for name in ("clean", "rotated-015")] == [
        *(30, 3)
    ]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_predictions_are_written_together_whatever_ends_the_block(
    error: type[BaseException] | None, store: PredictionStore
) -> None:
    other = replace(UNIT, replicate=4)
    with nullcontext() if error is None else pytest.raises(error), store.saving() as save:
        for unit in (UNIT, other):
            for name in ("clean", "rotated-015"):
                save(unit, name, stored())
        assert not store.folder.exists()
        if error is not None:
            raise error
    for unit in (UNIT, other):
        assert store.conditions(unit) == ["clean", "rotated-015"]


def test_predictions_of_a_minute_are_written_before_the_end(
    store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    written = []
    with store.saving() as save:
        for name, time in (("a", 159.0), ("b", 160.0), ("c", 161.0), ("d", 219.0), ("e", 221.0)):
            now[0] = time
            save(UNIT, name, stored(images=2))
            written.append("".join(store.conditions(UNIT)))
    assert written == ["", "ab", "ab", "ab", "abcde"]
    with store.saving(after=0) as save:
        save(UNIT, "f", stored(images=2))
        assert store.holds(UNIT, "f")


def test_interrupted_writing_leaves_what_was_there(
    store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(UNIT, "clean", stored())

    def break_off(*_: object, **__: object) -> None:
        assert len([path for path in store.folder.rglob("*") if path.is_file()]) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(ZipFile, "writestr", break_off)
    with pytest.raises(KeyboardInterrupt):
        store.save(UNIT, "rotated-015", stored())
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [store.path(UNIT)]
    assert store.conditions(UNIT) == ["clean"]


DAMAGES = {
    "empty": lambda content: b"",
    "end missing": lambda content: content[:-30],
    "byte of the data": lambda content: content[:900] + bytes([content[900] ^ 255]) + content[901:],
    "no arrays": lambda content: archive_of(b"hello"),
}


def archive_of(content: bytes) -> bytes:
    with BytesIO() as file:
        with ZipFile(file, "w") as archive:
            archive.writestr("clean.npz", content)
            archive.comment = UNIT.name.encode()
        return file.getvalue()


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_what_to_do(damage: str, store: PredictionStore) -> None:
    store.save(UNIT, "clean", stored())
    path = store.path(UNIT)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(UserError) as refused:
        store.load(UNIT, "clean")
    message = str(refused.value)
    assert message.startswith(f"the prediction file {path} cannot be used (")
    assert message.endswith("); the stage predict computes it again")
    assert "\n" not in message


def test_prediction_is_complete_with_the_values_of_these_sources(store: PredictionStore) -> None:
    assert store.complete(UNIT, {}) == set()
    store.save(UNIT, "clean", stored())
    store.save(UNIT, "rotated-015", replace(stored(), sources={}))
    assert store.complete(UNIT, {}) == {"clean", "rotated-015"}
    assert store.complete(UNIT, {"spread": 2**63 - 1}) == {"clean"}
    assert store.complete(UNIT, {"spread": 0}) == set()
    assert store.complete(UNIT, {"distance": 2**63 - 1}) == set()
    assert store.conditions(UNIT) == ["clean", "rotated-015"]


@pytest.mark.parametrize("fault", [MemoryError(), OSError(errno.EIO, "Input/output error")])
def test_file_that_the_machine_cannot_read_is_kept(
    fault: Exception, store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise fault

    store.save(UNIT, "clean", stored())
    monkeypatch.setattr(ZipFile, "read", fail)
    with pytest.raises(type(fault)):
        store.complete(UNIT, {})
    assert store.path(UNIT).exists()


def test_file_that_cannot_be_used_is_removed_with_one_line(
    store: PredictionStore, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(UNIT, replicate=4)
    for name in ("clean", "rotated-015"):
        store.save(other, name, stored())
    store.path(other).rename(store.path(UNIT))
    assert store.complete(UNIT, {}) == set()
    assert capsys.readouterr().err == (
        f"the prediction file {store.path(UNIT)} cannot be used (it is not whole, or that of "
        "another run unit); the stage predict computes it again\n"
    )
    assert not store.path(UNIT).exists()
