from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from methods.contract import check_prediction
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.mc_dropout_exact import MCDropoutExact
from methods.networks import pool as network_pool
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool, UntrainedPool
from methods.networks.recipes import ARTICLE, STANDARD
from methods.networks.store import NetworkKey, NetworkStore
from methods.networks.training import TrainedNetwork, initial_network
from methods.pooled import PooledMethod
from methods.softmax import Softmax

SHORT = replace(STANDARD, epochs=1)
KEY = NetworkKey(SHORT, seed=0, index=0, fingerprint="f", engine="e")


@pytest.fixture
def pool(tmp_path: Path) -> NetworkPool:
    return NetworkPool(SHORT, store=NetworkStore(tmp_path / "networks"))


def no_training(*_: object, **__: object) -> TrainedNetwork:
    raise AssertionError("a stored network must not be trained again")


def test_network_is_trained_once(
    pool: NetworkPool, training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.train([0], training_images)[0]
    monkeypatch.setattr(network_pool, "train_networks", no_training)
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


def test_network_without_the_final_series_is_trained_again_for_it(
    pool: NetworkPool, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    reporting = replace(pool, recipe=replace(SHORT, reported=(0.9, 0.9)))
    (first,) = pool.train([0], training_images, test_images)
    (watched,) = reporting.train([0], training_images, test_images)
    assert {row.split for row in watched.log} == {"training", "validation", "all training"}
    vectors = [parameters_to_vector(t.network.parameters()) for t in (first, watched)]
    assert torch.equal(*vectors)
    assert pool.train([0], training_images, test_images)[0].log == watched.log


def test_pool_without_a_store_keeps_nothing(training_images: LabelledImages) -> None:
    (network,) = NetworkPool(SHORT).networks([0], training_images)
    assert network(training_images.images[:2]).shape == (2, 10)


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, recipe=replace(ARTICLE, epochs=1)),
        replace(KEY, recipe=replace(SHORT, learning_rate=1e-2)),
        replace(KEY, recipe=replace(SHORT, l2_penalty=1e-2)),
        replace(KEY, seed=1),
        replace(KEY, index=1),
        replace(KEY, fingerprint="g"),
        replace(KEY, engine="d"),
    ],
)
def test_every_part_of_the_key_matters(other: NetworkKey) -> None:
    assert other.file_name != KEY.file_name


def test_networks_of_before_there_was_a_penalty_are_found_again() -> None:
    stored_then = (
        '{"engine": "engine-1", "fingerprint": "ab", "index": 7, "recipe": {"batch_size": 64, '
        '"dropout": 0.5, "epochs": 10, "learning_rate": 0.001, "loss": "logits", "mean": 0.1307, '
        '"name": "standard", "network": "lenet5", "optimiser": "adam", "schedule": "constant", '
        '"shuffled": true, "split": "training", "std": 0.3081, "weight_decay": 0.0}, "seed": 3}'
    )
    key = NetworkKey(STANDARD, 3, 7, "ab", "engine-1")
    assert key.text == stored_then
    assert key.file_name == "standard-seed3-007-c592c77816992be1.safetensors"


def test_other_training_images_are_another_network(
    pool: NetworkPool, training_images: LabelledImages
) -> None:
    fewer = LabelledImages(training_images.images[:640], training_images.labels[:640])
    pool.train([0], training_images)[0]
    pool.train([0], fewer)[0]
    assert len(list(pool.store.folder.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_network_of_a_damaged_file_is_trained_anew(
    pool: NetworkPool,
    training_images: LabelledImages,
    content: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (before,) = pool.train([0], training_images)
    (path,) = pool.store.folder.iterdir()
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    (again,) = pool.train([0], training_images)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the stored network {path} cannot be used (")
    for name, tensor in before.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)
    (stored,) = pool.train([0], training_images)
    assert stored.seconds == again.seconds


def test_interrupted_write_leaves_nothing(
    pool: NetworkPool, training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def interrupted(path: Path, content: bytes) -> None:
        write(path, content[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.train([0], training_images)[0]
    assert list(pool.store.folder.iterdir()) == []


def test_flipped_bit_in_the_weights_is_noticed(
    pool: NetworkPool, training_images: LabelledImages, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.train([0], training_images)
    (path,) = pool.store.folder.iterdir()
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    pool.train([0], training_images)
    assert "its weights are not those that were stored" in capsys.readouterr().err


def test_threads_may_store_one_network_in_parallel(
    pool: NetworkPool, training_images: LabelledImages
) -> None:
    (trained,) = pool.train([0], training_images)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: pool.store.save(KEY, trained), range(100)))
    assert pool.store.load(KEY).log == trained.log


class Scaled(Softmax):
    """Softmax at the temperature of least cross-entropy on the training images."""

    name = "scaled"

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        super().fit(images, labels)
        (network,) = self.fitted
        with torch.no_grad():
            logits = network(images)
        losses = {t: cross_entropy(logits / t, labels).item() for t in (0.5, 1.0, 2.0, 4.0)}
        self.temperature = min(losses, key=losses.__getitem__)
        return self

    def member_logits(self, images: Tensor) -> Tensor:
        return super().member_logits(images) / self.temperature


def test_untrained_pool_gives_networks_before_their_first_step(
    training_images: LabelledImages,
) -> None:
    pool = UntrainedPool(SHORT, seed=3)
    networks = pool.networks([4, 2], training_images)
    for index, network in zip([4, 2], networks, strict=True):
        expected = initial_network(SHORT, index, seed=3)
        vectors = [parameters_to_vector(n.parameters()) for n in (network, expected)]
        assert torch.equal(*vectors)


@pytest.mark.parametrize(
    "method",
    [Softmax, MCDropout, MCDropoutExact, DeepEnsemble, Scaled],
    ids=lambda method: method.name,
)
def test_every_pooled_method_is_fitted_on_an_untrained_pool(
    method: type[PooledMethod], training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_pool, "train_networks", no_training)
    pool = UntrainedPool(SHORT)
    fitted = method(pool=pool).fit(training_images.images[:20], training_images.labels[:20])
    assert len(fitted.fitted) == len(fitted.networks)
    prediction = fitted.predict(training_images.images[:1])
    check_prediction(prediction, 1)


def test_method_that_fits_more_on_its_networks_predicts_with_both(
    training_images: LabelledImages,
) -> None:
    images = training_images.images[:20]
    method = Scaled(pool=UntrainedPool(SHORT)).fit(images, training_images.labels[:20])
    (network,) = method.fitted
    assert method.temperature == 4.0  # an untrained network is best left undecided
    expected = (network(images) / 4).softmax(dim=1).double()
    torch.testing.assert_close(method.predict(images).mean, expected, atol=1e-6, rtol=1e-5)
