"""Shards: written once and whole, read back to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from methods import Prediction

CELL = RunUnit("standard", "mc_dropout", 10, 3)


def stored(members: int | None = 4, *, labelled: bool = True, images: int = 30) -> StoredPrediction:
    random = np.random.default_rng(0)
    prediction = Prediction.of(torch.from_numpy(random.dirichlet(np.ones(10), (4, images))))
    labels = torch.from_numpy(random.integers(10, size=images))
    scores = {
        "distance": torch.from_numpy(random.random(images)),
        "mean": torch.from_numpy(random.random(images).astype(np.float32)),
    }
    return StoredPrediction(
        replace(prediction, members=members, scores=scores), labels if labelled else None
    )


@pytest.fixture
def store(tmp_path: Path) -> PredictionStore:
    return PredictionStore(tmp_path / "predictions")


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("members", [1, 4, 100, None])
def test_shard_is_read_back_as_it_was(
    members: int | None, labelled: bool, store: PredictionStore
) -> None:
    written = stored(members, labelled=labelled)
    store.save(CELL, "clean", written)
    read = store.load(CELL, "clean")
    for name in ("mean", "vote_share", "expected_entropy"):
        one, other = (getattr(part.prediction, name) for part in (read, written))
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    assert read.prediction.members == members
    assert set(read.prediction.scores) == {"distance", "mean"}
    for name, score in written.prediction.scores.items():
        assert read.prediction.scores[name].dtype == score.dtype
        assert torch.equal(read.prediction.scores[name], score)
    if written.labels is None:
        assert read.labels is None
    else:
        assert read.labels is not None
        assert torch.equal(read.labels, written.labels)


def test_shard_has_its_place_and_names_of_arrays_that_others_can_read(
    store: PredictionStore,
) -> None:
    store.save(CELL, "rotated-015", stored())
    place = store.folder / "standard" / "mc_dropout-10" / "replicate-03" / "rotated-015.npz"
    with np.load(place) as file:
        assert set(file.files) == {
            *("mean", "vote_share", "expected_entropy", "members", "labels"),
            *("score:distance", "score:mean"),
        }
        assert file["mean"].shape == (30, 10)
        assert file["members"] == 4


def test_cells_that_differ_in_anything_have_places_of_their_own(store: PredictionStore) -> None:
    units = [
        *(CELL, replace(CELL, recipe="plain"), replace(CELL, method="softmax")),
        *(replace(CELL, size=None), replace(CELL, size=1), replace(CELL, replicate=30)),
    ]
    assert len({store.path(unit, name) for unit in units for name in ("clean", "ood")}) == 12


def test_nothing_is_held_before_it_is_written(store: PredictionStore) -> None:
    assert not store.holds(CELL, "clean")
    store.save(CELL, "clean", stored())
    assert store.holds(CELL, "clean")
    assert not store.holds(CELL, "rotated-015")
    assert not store.holds(replace(CELL, replicate=4), "clean")


def test_same_shard_is_written_in_the_same_bytes(
    store: PredictionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(CELL, "clean", stored())
    other = PredictionStore(tmp_path / "other")
    monkeypatch.setattr("time.time", lambda: 1e9)
    other.save(CELL, "clean", stored())
    assert store.path(CELL, "clean").read_bytes() == other.path(CELL, "clean").read_bytes()


def test_interrupted_writing_leaves_nothing(
    store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(file: object, **_: object) -> None:
        file.write(b"PK half a shard")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", break_off)
    with pytest.raises(KeyboardInterrupt):
        store.save(CELL, "clean", stored())
    assert not store.holds(CELL, "clean")
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_half_written_file_is_not_taken_for_a_shard(
    store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `kill -9` leaves."""
    seen = []
    save = np.savez_compressed

    def look(file: object, **arrays: object) -> None:
        save(file, **arrays)
        seen.append(store.holds(CELL, "clean"))

    monkeypatch.setattr(np, "savez_compressed", look)
    store.save(CELL, "clean", stored())
    assert seen == [False]


DAMAGES = {
    "empty": lambda content: b"",
    "no shard": lambda content: b"hello",
    "beginning alone": lambda content: content[:200],
    "end missing": lambda content: content[:-30],
    "first byte": lambda content: b"Q" + content[1:],
    "byte of the data": lambda content: content[:900] + bytes([content[900] ^ 255]) + content[901:],
    "bytes of the data": lambda content: content[:300] + bytes(100) + content[400:],
    "one array": lambda content: array_alone(),
}


def array_alone() -> bytes:
    return (
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(
            127
        )
        + b"\n"
        + bytes(8)
    )


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_shard_is_named_with_what_to_do(damage: str, store: PredictionStore) -> None:
    store.save(CELL, "clean", stored())
    path = store.path(CELL, "clean")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(UserError) as refused:
        store.load(CELL, "clean")
    message = str(refused.value)
    assert str(path) in message
    assert "delete it and run again" in message
    assert "\n" not in message


@pytest.mark.parametrize("missing", ["mean", "vote_share", "expected_entropy", "members"])
def test_shard_without_one_of_its_arrays_is_damaged(missing: str, store: PredictionStore) -> None:
    store.save(CELL, "clean", stored())
    path = store.path(CELL, "clean")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != missing}
    np.savez_compressed(path, **arrays)
    with pytest.raises(UserError, match=r"clean\.npz cannot be read"):
        store.load(CELL, "clean")


def test_damage_anywhere_is_noticed_or_harmless(store: PredictionStore) -> None:
    """Whatever byte is hit: the shard is refused, or is the same."""
    written = stored(images=3)
    store.save(CELL, "clean", written)
    path = store.path(CELL, "clean")
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            read = store.load(CELL, "clean")
        except UserError:
            continue
        assert torch.equal(read.prediction.mean, written.prediction.mean)
        assert read.prediction.members == written.prediction.members


def test_cell_names_are_short_and_tell_everything() -> None:
    assert CELL.name == "standard/mc_dropout-10/replicate-03"
    assert replace(CELL, size=None).name == "standard/mc_dropout/replicate-03"
