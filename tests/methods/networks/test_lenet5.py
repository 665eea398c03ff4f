from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torchvision.transforms.v2.functional import resize

from methods.networks.lenet5 import LeNet5


def network(**options: float) -> LeNet5:
    return LeNet5(**options, generator=torch.Generator().manual_seed(0))


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
    """The article's order of layers: dropout straight after the tanh, before the pooling."""
    return nn.Sequential(
        *(lenet.conv1, nn.Tanh(), Mask(keep_mask[:, :6], lenet.dropout), nn.AvgPool2d(2)),
        *(lenet.conv2, nn.Tanh(), Mask(keep_mask[:, 6:], lenet.dropout), nn.AvgPool2d(2)),
        *(nn.Flatten(), lenet.linear1, nn.Tanh(), lenet.linear2, nn.Tanh(), lenet.head),
    )


def test_has_as_many_parameters_as_lenet5() -> None:
    assert sum(p.numel() for p in network().parameters()) == 61_706


def test_computes_the_articles_layers_under_any_mask() -> None:
    lenet, x = network(mean=0.137, dropout=0.3), images(8)
    keep_mask = torch.rand(8, 22, generator=torch.Generator().manual_seed(2)) >= 0.3
    keep_mask[0, :6] = False
    keep_mask[1, 6:] = False
    enlarged = (resize(x, [32, 32], antialias=False) - 0.137) / 0.3081
    expected = listing(lenet, keep_mask)(enlarged)
    torch.testing.assert_close(lenet(x, keep_mask), expected, atol=1e-6, rtol=1e-5)


def test_without_a_mask_dropout_is_off() -> None:
    lenet, x = network(dropout=0.0), images(4)
    everything = torch.ones(1, 22, dtype=torch.bool)
    torch.testing.assert_close(lenet(x), lenet(x, everything))


def test_one_mask_serves_all_images() -> None:
    lenet, x = network(), images(4)
    mask = torch.arange(22)[None] % 2 == 0
    assert torch.equal(lenet(x, mask), lenet(x, mask.expand(4, 22)))


def test_initial_weights_are_xavier_uniform_and_biases_zero() -> None:
    lenet = network()
    bound = (6 / (400 + 120)) ** 0.5
    weights = lenet.linear1.weight
    assert bound * 0.999 < weights.abs().max() <= bound
    assert abs(weights.std() / (bound / 3**0.5) - 1) < 0.01
    assert not any(layer.bias.any() for layer in lenet.children())


def test_construction_draws_from_its_generator_alone() -> None:
    before = torch.get_rng_state()
    one, same = network(), network()
    other = LeNet5(generator=torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    vectors = [parameters_to_vector(n.parameters()) for n in (one, same, other)]
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])
