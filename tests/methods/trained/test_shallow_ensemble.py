"""Shallow ensembles, beside a network with several heads written out."""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import nn

from methods.networks.recipes import LabelledImages
from methods.networks.training import initial_network
from methods.trained.base import Step
from methods.trained.shallow_ensemble import ShallowEnsemble
from tests.methods.trained.conftest import SHORT, begun, lenet

MEMBERS = 5


def heads_of(network: nn.Module) -> list[nn.Linear]:
    """The heads as layers of their own."""
    weights = network.network.head.weight.reshape(MEMBERS, 10, 84)
    heads = [nn.Linear(84, 10) for _ in range(MEMBERS)]
    for head, weight, bias in zip(heads, weights, network.network.head.bias.split(10), strict=True):
        head.weight, head.bias = nn.Parameter(weight), nn.Parameter(bias)
    return heads


def test_a_member_is_the_trunk_with_its_head(shades: LabelledImages) -> None:
    network = begun(ShallowEnsemble, members=MEMBERS)
    nn.init.normal_(network.network.head.bias)
    recipe = initial_network(SHORT, 0)
    trunk = [recipe.conv1, recipe.conv2, recipe.linear1, recipe.linear2]
    images = shades.images[:6]
    expected = torch.stack([lenet([*trunk, head], images) for head in heads_of(network)])
    torch.testing.assert_close(network(images), expected, atol=1e-5, rtol=1e-5)


def test_heads_begin_different_each_as_an_only_head_would() -> None:
    weights = [head.weight for head in heads_of(begun(ShallowEnsemble, members=MEMBERS))]
    assert all((first - second).abs().mean() > 0.1 for first, second in combinations(weights, 2))
    bound = math.sqrt(6 / (84 + 10))
    for weight in weights:
        assert 0.99 * bound < weight.abs().max() <= bound
    assert not begun(ShallowEnsemble, members=MEMBERS).network.head.bias.any()


def test_its_loss_is_the_mean_over_heads(shades: LabelledImages) -> None:
    network = begun(ShallowEnsemble, members=MEMBERS)
    images, labels = shades.images[:9], shades.labels[:9]
    loss = network.training_loss(images, labels, Step(0, 9, torch.Generator()))
    right = network(images).softmax(dim=2)[:, range(9), labels]
    torch.testing.assert_close(loss, -right.log().mean(), atol=1e-5, rtol=1e-5)
