from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torchvision.transforms.v2.functional import resize

from methods.networks.lenet5 import LeNet5, LeNet5ReLU

KINDS = pytest.mark.parametrize("kind", [LeNet5, LeNet5ReLU], ids=lambda kind: kind.name)


def network(kind: type[LeNet5] = LeNet5, **options: float) -> LeNet5:
    return kind(**options, generator=torch.Generator().manual_seed(0))


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


class Mask(nn.Module):
    """Stands where the article has `nn.Dropout2d`, with a mask that is known."""

    def __init__(self, keep_mask: Tensor, dropout: float) -> None:
        super().__init__()
        self.scale = keep_mask[:, :, None, None] / (1 - dropout)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.scale


def listing(lenet: LeNet5, keep_mask: Tensor) -> nn.Sequential:
    """The article's order of layers: dropout straight after the activation, before the pooling."""
    relu = isinstance(lenet, LeNet5ReLU)
    activate, pool = (nn.ReLU(), nn.MaxPool2d(2)) if relu else (nn.Tanh(), nn.AvgPool2d(2))
    return nn.Sequential(
        *(lenet.conv1, activate, Mask(keep_mask[:, :6], lenet.dropout), pool),
        *(lenet.conv2, activate, Mask(keep_mask[:, 6:], lenet.dropout), pool),
        *(nn.Flatten(), lenet.linear1, activate, lenet.linear2, activate, lenet.head),
    )


@KINDS
def test_has_as_many_parameters_as_lenet5(kind: type[LeNet5]) -> None:
    assert sum(p.numel() for p in network(kind).parameters()) == 61_706


@KINDS
def test_computes_the_layers_under_any_mask(kind: type[LeNet5]) -> None:
    lenet, x = network(kind, mean=0.137, dropout=0.3), images(8)
    keep_mask = torch.rand(8, 22, generator=torch.Generator().manual_seed(2)) >= 0.3
    keep_mask[0, :6] = False
    keep_mask[1, 6:] = False
    enlarged = (resize(x, [32, 32], antialias=False) - 0.137) / 0.3081
    expected = listing(lenet, keep_mask)(enlarged)
    torch.testing.assert_close(lenet(x, keep_mask), expected, atol=1e-6, rtol=1e-5)


@KINDS
def test_sub_networks_share_what_their_masks_leave(kind: type[LeNet5]) -> None:
    lenet, x = network(kind), images(3)
    masks = torch.rand(5, 22, generator=torch.Generator().manual_seed(2)) < 0.5
    each = torch.stack([lenet(x, mask[None]) for mask in masks])
    together = lenet.subnetwork_logits(x, masks, most=6)
    torch.testing.assert_close(together, each, atol=1e-6, rtol=1e-5)
    apart = torch.stack([lenet.rest(lenet.shared(x), mask[None]) for mask in masks])
    torch.testing.assert_close(apart, each)


@KINDS
def test_without_a_mask_dropout_is_off(kind: type[LeNet5]) -> None:
    lenet, x = network(kind, dropout=0.0), images(4)
    everything = torch.ones(1, 22, dtype=torch.bool)
    torch.testing.assert_close(lenet(x), lenet(x, everything))


def test_initial_weights_are_xavier_uniform_and_biases_zero() -> None:
    lenet = network()
    bound = (6 / (400 + 120)) ** 0.5
    weights = lenet.linear1.weight
    assert bound * 0.999 < weights.abs().max() <= bound
    assert abs(weights.std() / (bound / 3**0.5) - 1) < 0.01
    assert not any(layer.bias.any() for layer in lenet.children())


def test_both_begin_with_the_same_weights() -> None:
    vectors = [parameters_to_vector(network(kind).parameters()) for kind in (LeNet5, LeNet5ReLU)]
    assert torch.equal(*vectors)
