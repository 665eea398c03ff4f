from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from methods.networks import pool as network_pool
from methods.networks.pool import NetworkKey, NetworkPool, NetworkStore
from methods.networks.recipes import ARTICLE, LabelledImages
from tests.training import STANDARD

SHORT = replace(STANDARD, epochs=1)
KEY = NetworkKey(SHORT, seed=0, index=0, fingerprint="f", engine="e")


@pytest.fixture
def pool(tmp_path: Path) -> NetworkPool:
    return NetworkPool(SHORT, store=NetworkStore(tmp_path / "networks"))


def test_network_is_trained_once(
    pool: NetworkPool, training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.train([0], training_images)[0]
    monkeypatch.setattr(network_pool, "train_networks", None)
    again = pool.train([0], training_images)[0]
    vectors = [parameters_to_vector(t.network.parameters()) for t in (first, again)]
    assert torch.equal(*vectors)
    assert again.log == first.log
    assert again.seconds == first.seconds > 0


def test_network_without_validation_series_is_trained_again_for_them(
    pool: NetworkPool, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    first = pool.train([0], training_images)[0]
    watched = pool.train([0], training_images, test_images)[0]
    assert {row.split for row in watched.log} == {"training", "validation"}
    vectors = [parameters_to_vector(t.network.parameters()) for t in (first, watched)]
    assert torch.equal(*vectors)
    assert pool.train([0], training_images, test_images)[0].log == watched.log


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, recipe=replace(ARTICLE, epochs=1)),
        replace(KEY, recipe=replace(SHORT, learning_rate=1e-2)),
        replace(KEY, recipe=replace(SHORT, bootstrap=True)),
        replace(KEY, seed=1),
        replace(KEY, index=1),
        replace(KEY, fingerprint="g"),
        replace(KEY, engine="d"),
    ],
)
def test_every_part_of_the_key_matters(other: NetworkKey) -> None:
    assert other.file_name != KEY.file_name


def test_what_has_no_part_in_the_training_has_none_in_the_key() -> None:
    parts = {"name": "other", "reported": (0.9, 0.9), "best_epochs": 7.0, "epochs": 1.0}
    assert replace(KEY, recipe=replace(SHORT, **parts)).file_name == KEY.file_name
    assert KEY.file_name.startswith(f"{SHORT.network.name}-seed0-000-")


def with_a_flipped_bit(content: bytes) -> bytes:
    """In the weights."""
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"not a network", lambda content: content[:-100], with_a_flipped_bit],
    ids=["text", "cut", "bit"],
)
def test_network_of_a_damaged_file_is_trained_anew(
    pool: NetworkPool,
    training_images: LabelledImages,
    damage: Callable[[bytes], bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (before,) = pool.train([0], training_images)
    (path,) = pool.store.folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    (again,) = pool.train([0], training_images)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the stored network {path} cannot be used (")
    for name, tensor in before.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)
    (stored,) = pool.train([0], training_images)
    assert stored.seconds == again.seconds
