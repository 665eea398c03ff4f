"""Variational inference: beside closed forms, and torch-uncertainty's layers."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn
from torch.func import functional_call

from methods.networks.recipes import LabelledImages
from methods.trained.base import Step
from methods.trained.variational import Flipout, Variational
from tests.methods.trained.conftest import begun, lenet, random

INPUTS = {"linear": (6,), "conv": (3, 7, 7)}
NEGLIGIBLE = -30.0  # ρ of which σ is 1e-13


def flipout(kind: str, rho: float) -> Flipout:
    conv = nn.Conv2d(3, 4, 3, padding=1, stride=2)
    layer = Flipout(nn.Linear(6, 5) if kind == "linear" else conv, rho, random())
    layer.random = random()
    return layer


def layers_of(network: nn.Module) -> list[Flipout]:
    return [layer for layer in network.modules() if isinstance(layer, Flipout)]


@pytest.mark.parametrize("kind", INPUTS)
def test_without_variance_layer_is_that_of_torch_uncertainty(kind: str) -> None:
    library = pytest.importorskip("torch_uncertainty.layers.bayesian")
    layer, inputs = flipout(kind, NEGLIGIBLE), torch.randn(8, *INPUTS[kind], generator=random())
    conv = library.BayesConv2d(3, 4, 3, padding=1, stride=2)
    theirs = library.BayesLinear(6, 5) if kind == "linear" else conv
    for name, (mean, _) in layer.gaussians().items():
        theirs.get_parameter(f"{name}_mu").data.copy_(mean.data)
        theirs.get_parameter(f"{name}_sigma").data.copy_(layer.rho[name].data)
    torch.testing.assert_close(layer(inputs), theirs(inputs), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", INPUTS)
def test_outputs_are_those_of_weights_drawn_for_each_image(kind: str) -> None:
    layer, inputs = flipout(kind, rho=0.0), torch.randn(INPUTS[kind], generator=random())
    twice, draws = inputs.expand(2, *inputs.shape), 3000
    with torch.no_grad():
        first, second = torch.stack([layer(twice) for _ in range(draws)]).unbind(dim=1)
        (_, deviation), (_, spread) = layer.gaussians().values()
        expected = layer.layer(inputs[None])[0]
        squares = {"weight": deviation**2, "bias": spread**2}
        variance = functional_call(layer.layer, squares, (inputs[None] ** 2,))[0]
    for outputs in (first, second):  # Gaussian ones
        assert ((outputs.mean(dim=0) - expected) / (variance / draws).sqrt()).abs().max() < 5
        assert ((outputs.var(dim=0) / variance - 1) * sqrt(draws / 2)).abs().max() < 5
    product = (first - expected) * (second - expected) / variance
    # By Cauchy-Schwarz, the mean square of the product is at most the fourth moment, 3.
    assert (product.mean(dim=0) * sqrt(draws / 3)).abs().max() < 5


def test_loss_is_cross_entropy_and_divergence_over_images(shades: LabelledImages) -> None:
    network, images, labels = begun(Variational), shades.images[:9], shades.labels[:9]
    layers = layers_of(network)
    expected = nn.functional.cross_entropy(lenet([own.layer for own in layers], images), labels)
    for layer in layers:
        for name, mean in layer.layer.named_parameters():
            nn.init.constant_(layer.rho[name], NEGLIGIBLE)
            # log(1/σ) + (σ² + μ²) / 2 - 1/2, where log σ = ρ and σ² is nothing.
            expected = expected + (mean.square() / 2 - NEGLIGIBLE - 0.5).sum() / 500
    loss = network.training_loss(images, labels, Step(0, 500, random()))
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-5)


def test_members_are_drawn_at_the_end_from_the_gaussians(shades: LabelledImages) -> None:
    network = begun(Variational, members=40)
    second = layers_of(network)[1]
    rho = second.rho["weight"]
    assert (rho.mean().item(), rho.std().item()) == pytest.approx((-5, 0.1), abs=0.01)
    nn.init.normal_(second.layer.weight)
    with torch.no_grad():
        network.finish(shades.images, shades.labels)
    (mean, deviation), _ = second.gaussians().values()
    drawn = torch.stack([sample.conv2.weight for sample in network.samples])
    normal = (drawn - mean) / deviation
    assert normal.mean().abs() < 5 / sqrt(normal.numel())
    assert normal.std().item() == pytest.approx(1, abs=5 / sqrt(2 * normal.numel()))
    logits = network(shades.images[:7])
    torch.testing.assert_close(logits[:, 2:5], network(shades.images[2:5]), atol=1e-5, rtol=1e-5)
