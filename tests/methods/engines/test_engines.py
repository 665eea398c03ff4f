"""The fast engine computes what PyTorch computes, up to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from methods.engines.choice import choose_engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import LoopTrainer, StackedTrainer, TorchEngine
from methods.mc_dropout_exact import MCDropoutExact
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5, LeNet5ReLU
from methods.networks.masks import draw_masks, pass_masks
from methods.networks.recipes import ARTICLE, PLAIN, RECIPES, STANDARD, Recipe
from methods.networks.training import (
    TrainedNetwork,
    TrainingDivergedError,
    initial_network,
    orders_and_masks,
    train_networks,
)
from tests.training import train_network

CHANNELS = LeNet5.channels
TORCH, NUMBA = TorchEngine(), NumbaEngine()
RELU = replace(STANDARD, name="relu", network=LeNet5ReLU)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), RELU], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("masked", [False, True])
def test_logits_agree(recipe: Recipe, masked: bool, test_images: LabelledImages) -> None:
    network, images = initial_network(recipe, 0), test_images.images
    keep_mask = draw_masks(np.random.default_rng(0), len(images), CHANNELS, 0.5) if masked else None
    ours, theirs = (engine.logits(network, images, keep_mask) for engine in (NUMBA, TORCH))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("recipe", [ARTICLE, RELU], ids=lambda recipe: recipe.name)
def test_passes_agree_and_vote_alike(recipe: Recipe, test_images: LabelledImages) -> None:
    network, masks = (
        initial_network(recipe, 0),
        pass_masks(0, 0, 30, CHANNELS, recipe.dropout),
    )
    masks[0, :6] = False
    masks[1, 6:] = False
    ours, theirs = (e.pass_logits(network, test_images.images, masks) for e in (NUMBA, TORCH))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))


@pytest.mark.parametrize("recipe", [STANDARD, ARTICLE, PLAIN, RELU], ids=lambda recipe: recipe.name)
def test_an_epoch_leads_to_the_same_network(
    recipe: Recipe, training_images: LabelledImages
) -> None:
    """Both see the same masks in the same order; rounding drifts apart slowly."""
    once = replace(recipe, epochs=1)
    ours, theirs = (
        parameters_to_vector(
            train_network(once, 0, training_images, engine=engine).network.parameters()
        )
        for engine in (NUMBA, TORCH)
    )
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("recipe", [STANDARD, ARTICLE, PLAIN, RELU], ids=lambda recipe: recipe.name)
def test_networks_trained_batched_are_those_trained_one_by_one(
    recipe: Recipe, training_images: LabelledImages
) -> None:
    data = LabelledImages(training_images.images[:500], training_images.labels[:500])
    vectors, losses = [], []
    for kind in (LoopTrainer, StackedTrainer):
        networks = [initial_network(recipe, index) for index in range(3)]
        trainer = kind(networks, recipe, data, "cpu")
        randoms = [np.random.default_rng(index) for index in range(3)]
        losses += [trainer.epoch(*orders_and_masks(recipe, 500, randoms)) for _ in range(2)]
        vectors.append(torch.stack([parameters_to_vector(n.parameters()) for n in networks]))
    torch.testing.assert_close(*vectors, atol=5e-4, rtol=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)
    assert losses[3] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("kind", [LoopTrainer, StackedTrainer])
def test_a_network_that_diverges_leaves_the_others_alone(
    kind: type[LoopTrainer | StackedTrainer],
    training_images: LabelledImages,
) -> None:
    class Diverging(TorchEngine):
        def trainer(self, networks, recipe, data):
            with torch.no_grad():
                networks[1].conv1.weight[0, 0, 0, 0] = torch.nan
            return kind(networks, recipe, data, "cpu")

    once = replace(STANDARD, epochs=1)
    outcomes = train_networks(once, [4, 7, 9], training_images, engine=Diverging())
    assert isinstance(outcomes[1], TrainingDivergedError)
    assert "network 7 of recipe 'standard'" in str(outcomes[1])
    for index, outcome in ((4, outcomes[0]), (9, outcomes[2])):
        assert isinstance(outcome, TrainedNetwork)
        alone = train_network(once, index, training_images, engine=TORCH).network
        torch.testing.assert_close(
            *(parameters_to_vector(n.parameters()) for n in (outcome.network, alone)),
            atol=2e-4,
            rtol=1e-3,
        )


def test_kernels_are_chosen_where_they_fit() -> None:
    assert choose_engine() == NUMBA
    assert choose_engine(recipes=[STANDARD, RELU]) == NUMBA
    assert MCDropoutExact.objection(RELU) is None
    assert choose_engine("torch") == TORCH
    assert choose_engine(device="cuda") == TorchEngine("cuda")
    with pytest.raises(ValueError, match="the numba engine computes on the CPU, not on cuda"):
        choose_engine("numba", "cuda")
