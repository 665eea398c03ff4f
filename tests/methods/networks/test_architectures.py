"""Architectures against plain modules of the layers that their sources list."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from methods.networks.architectures import (
    LeNet5,
    LeNet5ReLU,
    LeNet5Same,
    LeNet5Units,
    LeNet28,
    SmallCNN,
)
from methods.networks.network import Network

WITH_DROPOUT = pytest.mark.parametrize(
    "kind", [LeNet5, LeNet5ReLU, LeNet5Units, SmallCNN], ids=lambda kind: kind.name
)
PARAMETERS = {
    LeNet5: 61_706,
    LeNet5ReLU: 61_706,
    SmallCNN: 13_738,
    LeNet5Same: 545_546,
    LeNet28: 44_426,
}


def made(kind: type[Network], **options: float) -> Network:
    """With statistics of batch normalisation, where there is one, that are not the first ones."""
    network = kind(**options, generator=torch.Generator().manual_seed(0)).train()
    network(images(kind, 64))
    return network.eval()


def images(kind: type[Network], count: int) -> Tensor:
    return torch.rand(count, *kind.shape, generator=torch.Generator().manual_seed(1))


class Mask(nn.Module):
    """Stands where one would have `nn.Dropout2d`, with a mask that is known."""

    def __init__(self, keep_mask: Tensor, dropout: float) -> None:
        super().__init__()
        self.scale = keep_mask / (1 - dropout)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.scale.reshape(*self.scale.shape, *[1] * (maps.dim() - 2))


class ByRows(nn.Module):
    """As Keras flattens: the channels of a pixel side by side."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.movedim(1, 3).contiguous().flatten(1)


def listing(network: Network, keep_mask: Tensor | None = None) -> nn.Sequential:
    """Its layers in the order of its source: dropout straight after the activation."""
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    if isinstance(network, LeNet5Same):
        return nn.Sequential(
            *(network.conv1, relu, pool, network.conv2, relu, pool, network.conv3, relu, ByRows()),
            *(network.linear, relu, network.head),
        )
    if isinstance(network, LeNet28):
        return nn.Sequential(
            *(network.conv1, relu, pool, network.conv2, relu, pool, ByRows()),
            *(network.linear1, relu, network.linear2, relu, network.head),
        )
    width = network.channels[0]
    first, second = (
        Mask(part, network.dropout) for part in (keep_mask[:, :width], keep_mask[:, width:])
    )
    if isinstance(network, SmallCNN):
        pool = nn.AvgPool2d(2)
        return nn.Sequential(
            *(network.conv1, relu, first, pool, network.conv2, network.norm, relu, second, pool),
            *(nn.Flatten(), network.linear, relu, network.head),
        ).eval()
    activate = relu if isinstance(network, LeNet5ReLU) else nn.Tanh()
    pool = pool if isinstance(network, LeNet5ReLU) else nn.AvgPool2d(2)
    if isinstance(network, LeNet5Units):
        return nn.Sequential(
            *(network.conv1, relu, pool, network.conv2, relu, pool, nn.Flatten()),
            *(network.linear1, relu, first, network.linear2, relu, second, network.head),
        )
    return nn.Sequential(
        *(network.conv1, activate, first, pool, network.conv2, activate, second, pool),
        *(nn.Flatten(), network.linear1, activate, network.linear2, activate, network.head),
    )


@pytest.mark.parametrize("kind", PARAMETERS, ids=lambda kind: kind.name)
def test_has_the_parameters_that_it_says(kind: type[Network]) -> None:
    assert sum(p.numel() for p in made(kind).parameters()) == PARAMETERS[kind]
    assert f"{PARAMETERS[kind]:,} parameters" in (kind.__doc__ or "")


@WITH_DROPOUT
def test_computes_the_layers_under_any_mask(kind: type[Network]) -> None:
    from torchvision.transforms.v2.functional import resize  # which takes two seconds

    network, x = made(kind, mean=0.137, std=0.4, dropout=0.3), images(kind, 8)
    width, channels = network.channels[0], sum(network.channels)
    keep_mask = torch.rand(8, channels, generator=torch.Generator().manual_seed(2)) >= 0.3
    keep_mask[0, :width] = False
    keep_mask[1, width:] = False
    seen = resize(x, [32, 32], antialias=False) if isinstance(network, LeNet5) else x
    expected = listing(network, keep_mask)((seen - 0.137) / 0.4)
    torch.testing.assert_close(network(x, keep_mask), expected, atol=1e-6, rtol=1e-5)
    apart = network.rest(network.shared(x), keep_mask)
    torch.testing.assert_close(apart, network(x, keep_mask))


@pytest.mark.parametrize("most", [1, 6, 2**14])
@pytest.mark.parametrize("kind", [LeNet5, LeNet5ReLU, LeNet5Units], ids=lambda kind: kind.name)
def test_sub_networks_share_what_their_masks_leave(kind: type[LeNet5], most: int) -> None:
    lenet, x = made(kind), images(kind, 3)
    masks = torch.rand(5, sum(kind.channels), generator=torch.Generator().manual_seed(2)) < 0.5
    masks[0], masks[1, : kind.channels[0]] = False, False
    each = torch.stack([lenet(x, mask[None]) for mask in masks])
    together = lenet.subnetwork_logits(x, masks, most=most)
    torch.testing.assert_close(together, each, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", [LeNet5Same, LeNet28], ids=lambda kind: kind.name)
def test_published_networks_are_those_of_their_sources(kind: type[Network]) -> None:
    network, x = made(kind), images(kind, 8)
    torch.testing.assert_close(network(x), listing(network)(x), atol=1e-5, rtol=1e-5)


def test_initial_weights_are_xavier_uniform_and_biases_zero() -> None:
    lenet = made(LeNet5)
    bound = (6 / (400 + 120)) ** 0.5
    weights = lenet.linear1.weight
    assert bound * 0.999 < weights.abs().max() <= bound
    assert abs(weights.std() / (bound / 3**0.5) - 1) < 0.01
    assert not any(layer.bias.any() for layer in lenet.children())
