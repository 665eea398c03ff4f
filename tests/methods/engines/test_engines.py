"""Engines: batched against one by one, optimisers by formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from methods.engines.numba import NumbaEngine
from methods.engines.torch import LoopTrainer, Optimiser, StackedTrainer, TorchEngine, TorchNetworks
from methods.networks.architectures import LeNet5
from methods.networks.network import pass_masks
from methods.networks.recipes import ARTICLE, LabelledImages, Recipe
from methods.networks.training import (
    TrainedNetwork,
    TrainingDivergedError,
    initial_network,
    orders_and_masks,
    train_networks,
)
from tests.training import PLAIN, RELU_DROPOUT, STANDARD, train_network

CHANNELS = LeNet5.channels
TORCH, NUMBA = TorchEngine(), NumbaEngine()


@pytest.mark.parametrize(
    "recipe", [STANDARD, ARTICLE, PLAIN, RELU_DROPOUT], ids=lambda recipe: recipe.name
)
def test_networks_trained_batched_are_those_trained_one_by_one(
    recipe: Recipe, training_images: LabelledImages
) -> None:
    data = LabelledImages(training_images.images[:200], training_images.labels[:200])
    vectors, losses = [], []
    for kind in (LoopTrainer, StackedTrainer):
        networks = [initial_network(recipe, index) for index in range(3)]
        trainer = kind(networks, recipe, data, "cpu")
        randoms = [np.random.default_rng(index) for index in range(3)]
        losses += [
            trainer.epoch(*orders_and_masks(recipe, 3 * [np.arange(200)], randoms))
            for _ in range(2)
        ]
        vectors.append(torch.stack([parameters_to_vector(n.parameters()) for n in networks]))
    torch.testing.assert_close(*vectors, atol=5e-4, rtol=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)
    assert losses[3] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("kind", [LoopTrainer, StackedTrainer])
def test_a_network_that_diverges_leaves_the_others_alone(
    kind: type[LoopTrainer | StackedTrainer], training_images: LabelledImages
) -> None:
    class Diverging(TorchEngine):
        def trainer(self, networks, recipe, data):
            with torch.no_grad():
                networks[1].conv1.weight[0, 0, 0, 0] = torch.nan
            return kind(networks, recipe, data, "cpu")

    once = replace(STANDARD, epochs=1)
    few = LabelledImages(training_images.images[:200], training_images.labels[:200])
    outcomes = train_networks(once, [4, 7, 9], few, engine=Diverging())
    assert isinstance(outcomes[1], TrainingDivergedError)
    assert "network 7 of recipe 'standard'" in str(outcomes[1])
    for index, outcome in ((4, outcomes[0]), (9, outcomes[2])):
        assert isinstance(outcome, TrainedNetwork)
        alone = train_network(once, index, few, engine=TORCH).network
        torch.testing.assert_close(
            *(parameters_to_vector(n.parameters()) for n in (outcome.network, alone)),
            atol=2e-4,
            rtol=1e-3,
        )


def test_sgd_has_momentum_a_cosine_and_decoupled_decay() -> None:
    """Under the loss x²/2, whose gradient is x."""
    recipe = replace(STANDARD, optimiser="sgd", learning_rate=0.1, weight_decay=0.5)
    recipe = replace(recipe, schedule="cosine", epochs=2, batch_size=10)
    parameter = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimiser, steps = Optimiser([parameter], recipe, 25), 2 * 3
    x, velocity = 1.0, 0.0
    for step in range(steps):
        rate = 0.1 * (1 + math.cos(math.pi * step / steps)) / 2
        velocity = 0.9 * velocity + x
        x = x * (1 - rate * 0.5) - rate * velocity
        optimiser.step(parameter.square().sum() / 2)
        assert parameter.item() == pytest.approx(x, rel=1e-14)


MOST = pytest.mark.parametrize("most", [1, 7, 450, 2**14])
"""Members times images in a batch: less than the members, a part of the images, and all of both."""


@MOST
@torch.inference_mode()
def test_stacked_networks_predict_as_one_by_one(most: int, test_images: LabelledImages) -> None:
    images = test_images.images[:60]
    networks = [initial_network(STANDARD, index) for index in range(9)]
    assert_alike(
        TorchNetworks(networks, "cpu", stacked=True, most=most).logits(images),
        torch.stack([network(images) for network in networks]),
    )


def test_a_pass_rounds_alike_whatever_other_passes_there_are(test_images: LabelledImages) -> None:
    network, masks = (
        initial_network(STANDARD, 0),
        pass_masks(0, 0, 30, CHANNELS, STANDARD.dropout),
    )
    many, few = (TorchEngine().pass_logits(network, test_images.images, masks[:t]) for t in (30, 7))
    assert torch.equal(many[:7], few)


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert torch.equal(ours.argmax(dim=-1), theirs.argmax(dim=-1))
