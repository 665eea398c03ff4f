"""Networks of other papers, against plain modules, and their recipes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.engines.torch import TorchEngine
from methods.networks.network import Network
from methods.networks.published import LAPLACE_REDUX, UNCERTAINTY_BASELINES, LeNet5Same, LeNet28


def made(kind: type[Network], seed: int = 0) -> Network:
    return kind(generator=torch.Generator().manual_seed(seed)).eval()


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


class ByRows(nn.Module):
    """As Keras flattens: the channels of a pixel side by side."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.movedim(1, 3).contiguous().flatten(1)


def same_listing(one: LeNet5Same) -> nn.Sequential:
    return nn.Sequential(
        *(one.conv1, nn.ReLU(), nn.MaxPool2d(2)),
        *(one.conv2, nn.ReLU(), nn.MaxPool2d(2)),
        *(one.conv3, nn.ReLU(), ByRows()),
        *(one.linear, nn.ReLU(), one.head),
    )


def listing_28(one: LeNet28) -> nn.Sequential:
    return nn.Sequential(
        *(one.conv1, nn.ReLU(), nn.MaxPool2d(2)),
        *(one.conv2, nn.ReLU(), nn.MaxPool2d(2), ByRows()),
        *(one.linear1, nn.ReLU(), one.linear2, nn.ReLU(), one.head),
    )


def assert_computes(network: Network, listing: nn.Sequential) -> None:
    """Logits and gradients are those of the layers in the papers' order."""
    x = images(8)
    torch.testing.assert_close(network(x), listing(x), atol=1e-5, rtol=1e-5)
    gradients = []
    for module in (network, listing):
        module.zero_grad()
        module(x).square().mean().backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)


def test_networks_compute_the_layers_of_their_sources() -> None:
    same, smaller = made(LeNet5Same), made(LeNet28)
    assert_computes(same, same_listing(same))
    assert_computes(smaller, listing_28(smaller))


def test_networks_have_the_parameters_that_layers_have() -> None:
    convolutions = 6 * (25 + 1), 16 * (6 * 25 + 1), 120 * (16 * 25 + 1)
    same = sum(convolutions) + 84 * (7 * 7 * 120 + 1) + 10 * (84 + 1)
    smaller = sum(convolutions[:2]) + 120 * (256 + 1) + 84 * (120 + 1) + 10 * (84 + 1)
    for kind, count, said in ((LeNet5Same, same, "545,546"), (LeNet28, smaller, "44,426")):
        assert sum(p.numel() for p in made(kind).parameters()) == count
        assert f"{count:,} parameters" in (kind.__doc__ or "")
        assert f"{count:,}" == said


def test_recipes_are_those_of_the_papers() -> None:
    one, other = UNCERTAINTY_BASELINES, LAPLACE_REDUX
    assert (one.epochs * -(-55_000 // one.batch_size), one.pool) == (4945, 10)
    assert (one.mean, one.std, other.mean, other.std) == (0.0, 1.0, 0.0, 1.0)
    assert (one.learning_rate, one.schedule, one.l2_penalty) == (1e-3, "constant", 0.0)
    assert (other.split, other.epochs, other.batch_size, other.pool) == ("all", 100, 128, 5)
    assert (other.schedule, other.l2_penalty, other.weight_decay) == ("cosine", 5e-4, 0.0)
    assert (one.dropout, other.dropout) == (0.0, 0.0)
    assert all(TorchEngine().supports(recipe) for recipe in (one, other))
