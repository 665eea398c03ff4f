"""A small network with batch normalisation: nothing knows LeNet-5."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from methods.engines import choose_engine, fitting_engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks.architectures import SmallCNN
from methods.networks.pool import NetworkKey, NetworkStore
from methods.networks.recipes import LabelledImages
from methods.networks.training import TrainedNetwork, initial_network
from tests.training import STANDARD, train_network

RECIPE = replace(STANDARD, name="small", network=SmallCNN, epochs=4, batch_size=32)
NOISE = torch.rand(400, 1, 8, 8, generator=torch.Generator().manual_seed(0))
TRAINING = LabelledImages(NOISE, torch.arange(400) % 4)


@pytest.fixture(scope="module")
def trained() -> TrainedNetwork:
    return train_network(RECIPE, 0, TRAINING, engine=TorchEngine())


def test_trains_in_training_mode_and_predicts_in_evaluation_mode(trained: TrainedNetwork) -> None:
    network = trained.network
    assert not any(layer.training for layer in network.modules())
    assert network.norm.num_batches_tracked == 4 * -(-400 // 32)
    assert network.norm.running_var.sub(1).abs().min() > 0.01
    with torch.no_grad():
        expected = network(NOISE)
    # However the network was left, the engine evaluates it.
    logits = TorchEngine().logits(deepcopy(network).train(), NOISE)
    torch.testing.assert_close(logits, expected)


def test_normalises_each_channel_by_its_own_numbers() -> None:
    means, stds, images = (0.5, 0.4, 0.3), (0.2, 0.2, 0.3), torch.rand(5, 3, 8, 8)
    network = SmallCNN(mean=means, std=stds)
    for channel, (mean, std) in enumerate(zip(means, stds, strict=True)):
        expected = (images[:, channel] - mean) / std
        torch.testing.assert_close(network.normalised(images)[:, channel], expected)


def test_store_keeps_buffers(trained: TrainedNetwork, tmp_path: Path) -> None:
    store, key = NetworkStore(tmp_path), NetworkKey(RECIPE, 0, 0, "f", "e")
    store.save(key, trained)
    stored = store.load(key).network
    for name, tensor in trained.network.state_dict().items():
        assert torch.equal(stored.state_dict()[name], tensor)
    assert not stored.training


def test_pytorch_computes_what_the_kernels_do_not_support() -> None:
    recipe = replace(RECIPE, name="new")
    assert fitting_engine("auto", "cpu", [STANDARD]) == "numba"
    assert fitting_engine("auto", "cpu", [STANDARD, recipe]) == "torch"
    assert choose_engine(recipes=[STANDARD, recipe]) == TorchEngine()
    with pytest.raises(ValueError, match=r"only trains LeNet-5; use torch for new"):
        choose_engine("numba", recipes=[STANDARD, recipe])
    with pytest.raises(ValueError, match=r"the kernels compute LeNet-5"):
        NumbaEngine().trainer([initial_network(recipe, 0)], recipe, TRAINING)
