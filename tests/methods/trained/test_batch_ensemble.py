"""BatchEnsemble, beside torch-uncertainty's layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.networks.recipes import LabelledImages
from methods.trained.base import Step
from methods.trained.batch_ensemble import BatchEnsemble, RankOne
from tests.methods.trained.conftest import begun, lenet, random

MEMBERS = 4


@pytest.mark.parametrize("layer", [nn.Linear(6, 5), nn.Conv2d(3, 4, 3)], ids=["linear", "conv"])
def test_layer_is_that_of_torch_uncertainty(layer: nn.Linear | nn.Conv2d) -> None:
    library = pytest.importorskip("torch_uncertainty.layers.batch_ensemble")
    own = RankOne(layer, MEMBERS, random())
    nn.init.normal_(own.bias)
    if isinstance(layer, nn.Linear):
        theirs, inputs = library.BatchLinear(6, 5, MEMBERS), torch.randn(8, 6)
        theirs.linear.weight = own.layer.weight
    else:
        theirs, inputs = library.BatchConv2d(3, 4, 3, MEMBERS), torch.randn(8, 3, 7, 7)
        theirs.conv.weight = own.layer.weight
    theirs.r_group, theirs.s_group, theirs.bias = own.r, own.s, own.bias
    torch.testing.assert_close(own(inputs), theirs(inputs), atol=1e-5, rtol=1e-5)


def test_a_member_is_the_network_with_its_scaled_weights(shades: LabelledImages) -> None:
    network = begun(BatchEnsemble, members=MEMBERS)
    images = shades.images[:5]
    logits = network(images)
    for member in range(MEMBERS):
        layers = []
        for layer in network.modules():
            if isinstance(layer, RankOne):
                weight = layer.layer.weight
                ends = (1,) * (weight.ndim - 2)
                scales = layer.s[member][:, None] * layer.r[member]
                like = nn.functional.conv2d if ends else nn.functional.linear
                changed = weight * scales.reshape(*scales.shape, *ends), layer.bias[member]
                layers.append(lambda inputs, like=like, changed=changed: like(inputs, *changed))
        torch.testing.assert_close(logits[member], lenet(layers, images), atol=1e-4, rtol=1e-4)


def test_in_training_each_member_sees_a_part_of_its_own(shades: LabelledImages) -> None:
    network = begun(BatchEnsemble, members=MEMBERS)
    images, labels = shades.images[:9], shades.labels[:9]
    loss = network.training_loss(images, labels, Step(0, 9, random()))
    each = network(images)
    own = torch.stack([each[member, i] for i, member in enumerate([0, 0, 0, 1, 1, 2, 2, 3, 3])])
    expected = nn.functional.cross_entropy(own, labels)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)
