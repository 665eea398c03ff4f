"""Every post-hoc method keeps the contract with every registered network and with a user's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from _pytest.mark.structures import ParameterSet
from torch.nn.functional import interpolate

from benchmarks.data.loading import load_digits
from benchmarks.tasks import TASKS
from methods import METHODS
from methods.contract import check_method
from methods.engines import choose_engine
from methods.interface import UncertaintyMethod
from methods.networks.architectures import KERNEL_NETWORKS, LeNet5Same, SmallCNN
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages, Recipe
from methods.posthoc.laplace_kron import LaplaceKron
from tests.extensions.nouns.stripes_net import StripesNet
from tests.methods.posthoc.test_laplace import laplace_torch

WITHOUT_BIASES = Recipe("user", network=StripesNet, split="training")
"""A network with batch normalisation, whose convolutions have no biases."""

RECIPES = {
    recipe.network: replace(
        recipe,
        dropout=0.2,
        epochs=2,
        batch_size=32,
        optimiser="adam",
        learning_rate=0.005,
        tuned={},
    )
    for recipe in (WITHOUT_BIASES, *(one for task in TASKS.values() for one in task.recipes))
}
POST_HOC = [name for name in METHODS if METHODS[name].__module__.startswith("methods.posthoc.")]


def cases() -> Iterator[ParameterSet]:
    """Each method with each network; those of networks with dropout need its channels."""
    for network, recipe in RECIPES.items():
        for name in POST_HOC:
            applies = network.channels or "dropout" not in METHODS[name].needs
            # Eigenvectors of a layer of 5,880 inputs take a minute a fit.
            if applies and (network, name) != (LeNet5Same, LaplaceKron.name):
                marks = () if network in (StripesNet, SmallCNN) else pytest.mark.slow
                yield pytest.param(recipe, name, id=f"{network.name}-{name}", marks=marks)


def digits_for(recipe: Recipe) -> LabelledImages:
    """Handwritten digits of the classes and the shape that the network takes."""
    digits = load_digits()
    channels, height, width = recipe.network.shape
    images = interpolate(digits.images, size=(height, width), mode="bilinear")
    known = digits.labels < recipe.network().head.out_features
    return LabelledImages(images[known].repeat(1, channels, 1, 1), digits.labels[known])


@pytest.mark.parametrize(("recipe", "name"), list(cases()))
def test_keeps_the_contract(recipe: Recipe, name: str) -> None:
    digits = digits_for(recipe)
    engine = choose_engine("numba" if recipe.network in KERNEL_NETWORKS else "torch", "cpu")

    def build(seed: int) -> UncertaintyMethod:
        return METHODS[name].build(NetworkPool(recipe, seed=seed, engine=engine), size=4)

    images, labels = digits.images, digits.labels
    check_method(build, images[50:300], labels[50:300], images[:50], labels[:50])


def test_covariance_of_a_network_without_biases_is_laplace_torchs() -> None:
    recipe = RECIPES[StripesNet]
    digits = digits_for(recipe)
    images, labels = digits.images[:250], digits.labels[:250]
    pool = NetworkPool(recipe, engine=choose_engine("torch", "cpu"))
    method = LaplaceKron(pool=pool).fit(images, labels)
    for norm in (method.fitted[0].norm1, method.fitted[0].norm2):
        norm.requires_grad_(False)  # their weights stay as they are trained in ours, too
    mean, covariance = laplace_torch(
        method, LabelledImages(images, labels), "all", "kron", by_fisher=False
    )._glm_predictive_distribution(digits.images[250:290])
    own_mean, own_covariance = method.moments(digits.images[250:290])
    torch.testing.assert_close(own_mean, mean.detach())
    torch.testing.assert_close(own_covariance, covariance.detach(), atol=1e-4, rtol=1e-4)
