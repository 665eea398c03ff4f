"""Cyclical SGHMC: the sampler beside a known posterior and PyTorch's SGD, and what is kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from math import sqrt
from typing import cast

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from methods.networks.recipes import LabelledImages
from methods.trained.base import Step
from methods.trained.cyclical_sghmc import SGHMC, CyclicalNetwork, CyclicalSGHMC
from tests.methods.trained.conftest import SHORT, begun


def network_of(members: int = 12) -> CyclicalNetwork:
    return cast(CyclicalNetwork, begun(CyclicalSGHMC, members=members))


def at(passed: float) -> Step:
    return Step(passed, 384, torch.Generator().manual_seed(2))


def flat(network: nn.Module) -> torch.Tensor:
    return parameters_to_vector(network.parameters()).detach().clone()


def test_variance_is_that_of_the_posterior() -> None:
    """Of U = N Σ (θ - 2)² / 2 + N λ Σ θ² / 2, a Gaussian."""
    network, images = network_of(members=3), 50
    optimiser = SGHMC(network, replace(SHORT, l2_penalty=0.5), images)
    weights, random = torch.zeros_like(network.noise), torch.Generator().manual_seed(1)
    for _ in range(400):
        network.noise.normal_(generator=random)
        weights = weights + optimiser.change(weights, weights - 2, rate=0.01)
    # The variance of a step of finite length exceeds the posterior's by 0.4 %.
    error = 0.005 + 5 * sqrt(2 / len(weights))
    assert weights.var().item() * images * 1.5 == pytest.approx(1, abs=error)
    assert weights.mean().item() == pytest.approx(2 / 1.5, abs=0.005)


def test_without_noise_it_is_sgd_with_momentum(shades: LabelledImages) -> None:
    network = network_of(members=3)
    reference, own = deepcopy(network.network), SGHMC(network, SHORT, len(shades.labels))
    own.param_groups[0]["lr"] = 0.05
    weights = reference.parameters()
    theirs = torch.optim.SGD(weights, lr=0.05, momentum=0.9, weight_decay=SHORT.l2_penalty)
    for start in range(5):
        images, labels = shades.images[start::5], shades.labels[start::5]
        loss = nn.functional.cross_entropy(reference(images), labels)
        losses = network.training_loss(images, labels, at(0.1)), loss
        for optimiser, minimised in zip((own, theirs), losses, strict=True):
            optimiser.zero_grad()
            minimised.backward()
            optimiser.step()
        torch.testing.assert_close(flat(network.network), flat(reference), atol=1e-5, rtol=1e-5)


def test_noise_is_of_the_last_fifth_of_each_cycle(shades: LabelledImages) -> None:
    network, few = network_of(), (shades.images[:4], shades.labels[:4])
    for cycle in range(3):
        for share, spread in ((0.0, 0), (0.79, 0), (0.81, 1), (0.99, 1)):
            network.training_loss(*few, at((cycle + share) / 3))
            assert network.noise.std().item() == pytest.approx(spread, abs=0.02)


@pytest.mark.parametrize("steps", [60, 301, 10])
def test_samples_are_kept_at_even_distances_in_the_last_fifth_of_each_cycle(steps: int) -> None:
    network = network_of()
    for step in range(steps):
        nn.init.constant_(network.network.head.bias, step + 1)
        network.after_step((step + 1) / steps)
    kept = [sample.head.bias[0].item() for sample in network.samples]
    shares = [cycle + part for cycle in range(3) for part in (0.85, 0.9, 0.95, 1)]
    # After the step that passes a share, up to rounding.
    late = [step - steps * share / 3 for step, share in zip(kept, shares, strict=True)]
    assert -1e-6 < min(late) <= max(late) < 1 + 1e-6
    assert kept[-1] == steps
