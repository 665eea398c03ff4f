from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, RECIPES, STANDARD
from methods.networks.training import (
    LabelledImages,
    TrainedNetwork,
    TrainingDivergedError,
)
from tests.training import train_network

ENGINE = TorchEngine()
SHORT = replace(STANDARD, epochs=1)


def weights(trained: TrainedNetwork) -> torch.Tensor:
    return parameters_to_vector(trained.network.parameters())


@pytest.fixture(scope="module")
def few_images(training_images: LabelledImages) -> LabelledImages:
    """Enough where nothing need be learnt."""
    return LabelledImages(training_images.images[:500], training_images.labels[:500])


def test_same_seed_and_index_give_the_same_bits(few_images: LabelledImages) -> None:
    one, same = (train_network(SHORT, 3, few_images, engine=ENGINE) for _ in range(2))
    assert torch.equal(weights(one), weights(same))


@pytest.mark.parametrize("engine", [ENGINE, NumbaEngine()], ids=["torch", "numba"])
def test_watching_a_network_does_not_change_it(
    engine: Engine, few_images: LabelledImages, test_images: LabelledImages
) -> None:
    recipe = replace(STANDARD, epochs=2)
    alone = train_network(recipe, 0, few_images, engine=engine)
    watched = train_network(recipe, 0, few_images, test_images, engine=engine)
    assert torch.equal(weights(alone), weights(watched))
    assert alone.log == ()


def test_order_of_an_unshuffled_recipe_matters_and_of_a_shuffled_one_is_drawn(
    training_images: LabelledImages,
) -> None:
    """Without dropout and with given weights, only the order is left to make networks differ."""
    from methods.networks.training import orders_and_masks

    orders = {
        name: orders_and_masks(recipe, 130, [np.random.default_rng(seed) for seed in (0, 1)])[0]
        for name, recipe in RECIPES.items()
    }
    for name in ("article", "article-logits"):
        assert all(torch.equal(order, torch.arange(130)) for order in orders[name])
    for name in ("standard", "plain"):
        assert not torch.equal(*orders[name])
        assert all(torch.equal(order.sort().values, torch.arange(130)) for order in orders[name])


def test_double_softmax_cannot_fall_below_its_bound() -> None:
    perfect = torch.full((1, 10), -1e4)
    perfect[0, 3] = 1e4
    label = torch.tensor([3])
    assert ARTICLE.mean_loss(perfect, label).item() == pytest.approx(math.log(1 + 9 / math.e))
    assert ARTICLE_LOGITS.mean_loss(perfect, label).item() == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverged_loss_stops_with_a_clear_error(
    training_images: LabelledImages, value: float
) -> None:
    broken = LabelledImages(training_images.images.clone(), training_images.labels)
    broken.images[70] = value
    with pytest.raises(TrainingDivergedError, match=r"network 7 of recipe 'standard'.* in epoch 1"):
        train_network(SHORT, 7, broken, engine=ENGINE)


@pytest.mark.parametrize("engine", [ENGINE, NumbaEngine()], ids=["torch", "numba"])
def test_a_last_step_that_no_loss_has_seen_is_noticed(
    engine: Engine, training_images: LabelledImages
) -> None:
    one_step = replace(SHORT, batch_size=1500, learning_rate=math.inf)
    with pytest.raises(TrainingDivergedError, match="the loss became nan in epoch 1"):
        train_network(one_step, 7, training_images, engine=engine)
