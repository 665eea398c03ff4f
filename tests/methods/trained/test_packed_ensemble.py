"""Packed ensembles, beside torch-uncertainty's layers and small networks written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, cross_entropy, linear

from methods.networks.architectures import LeNet5ReLU, LeNet28, SmallCNN
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages
from methods.networks.training import initial_network
from methods.trained.base import Step
from methods.trained.packed_ensemble import PackedEnsemble, PackedNetwork
from tests.methods.trained.conftest import SHORT, begun, lenet, random

MEMBERS = 4


@pytest.mark.parametrize("members", [4, 2])
def test_layers_are_those_of_torch_uncertainty(members: int) -> None:
    library = pytest.importorskip("torch_uncertainty.layers.packed")
    network = PackedNetwork(initial_network(SHORT, 0), members, 2, random())
    packs = {"alpha": 2, "num_estimators": members, "gamma": 1}
    theirs = [
        library.PackedConv2d(1, 6, 5, first=True, **packs),
        library.PackedConv2d(6, 16, 5, minimum_channels_per_group=1, **packs),
        library.PackedLinear(400, 120, **packs),
        library.PackedLinear(120, 84, **packs),
        library.PackedLinear(84, 10, last=True, **packs),
    ]
    shapes = [(1, 9, 9), (12, 9, 9), (800,), (240,), (168,)]
    for own, other, shape in zip(network.network.children(), theirs, shapes, strict=True):
        inputs = torch.randn(7, *shape)
        nn.init.normal_(own.bias)
        target = getattr(other, "conv", other)
        assert own.weight.shape == target.weight.shape
        target.weight, target.bias = own.weight, own.bias
        outputs = own(inputs)
        if other is theirs[-1]:
            outputs = torch.cat(outputs.chunk(members, dim=1))
        torch.testing.assert_close(outputs, other(inputs), atol=1e-5, rtol=1e-5)


def test_a_member_is_a_small_network(shades: LabelledImages) -> None:
    network = begun(PackedEnsemble)
    for layer in network.network.children():
        nn.init.normal_(layer.bias)
    images, labels, losses = shades.images[:6], shades.labels[:6], []
    for member, logits in enumerate(network(images)):
        small = []
        for layer in network.network.children():
            like = conv2d if isinstance(layer, nn.Conv2d) else linear
            weight = layer.weight if like is conv2d else layer.weight.flatten(end_dim=1)
            part = [values.chunk(MEMBERS)[member] for values in (weight, layer.bias)]
            small.append(lambda inputs, like=like, part=part: like(inputs, *part))
        expected = lenet(small, images)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
        losses.append(cross_entropy(expected, labels))
    loss = network.training_loss(images, labels, Step(0, 6, random()))
    torch.testing.assert_close(loss, sum(losses) / MEMBERS, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("recipe", [LeNet5ReLU, SmallCNN])
def test_members_share_nothing_even_in_training(recipe: type[Network]) -> None:
    network = PackedNetwork(recipe(generator=random()).eval(), MEMBERS, 2, random()).train()
    first = network.network.conv1.weight
    logits = network(torch.rand(5, *recipe.shape))
    for member in range(MEMBERS):
        (slopes,) = torch.autograd.grad(logits[member].norm(), first, retain_graph=True)
        depends = [part.any().item() for part in slopes.chunk(MEMBERS)]
        assert depends == [other == member for other in range(MEMBERS)]


def test_networks_that_cannot_be_packed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"conv2 has 32 outputs .* 3 members; .* multiple of 3:"):
        begun(PackedEnsemble, members=3)
    with pytest.raises(ValueError, match="LeNet28 mixes members' channels"):
        PackedNetwork(LeNet28(), MEMBERS, 2, random())
    normalised = SmallCNN()
    normalised.norm = nn.GroupNorm(1, 32)
    with pytest.raises(ValueError, match=r"SmallCNN mixes members' .* batch normalis"):
        PackedNetwork(normalised, MEMBERS, 2, random())
