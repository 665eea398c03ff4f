"""Cyclical SGHMC: samples of the weights from several cycles of one training."""

from __future__ import annotations

from math import sqrt
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from methods.networks.network import Network
from methods.networks.recipes import Recipe, cosine
from methods.shapes import Images, Labels
from methods.trained.base import MemberNetwork, Step, TrainedMethod
from methods.trained.samples import SampledNetwork, VectorOptimiser

CYCLES = 3
EXPLORATION = 0.8
"""β, the share of a cycle without noise, before its samples."""


class CyclicalNetwork(SampledNetwork):
    """The recipe's network, whose weights are kept at times in the last part of each cycle.

    Attributes:
        kept: how many samples are kept already.
        noise: ε of the last training loss: standard normal, or zeros in the exploration.
    """

    noise: Float[Tensor, " weights"]

    def __init__(self, network: Network, members: int) -> None:
        super().__init__(network, members)
        self.kept = 0
        zeros = torch.zeros_like(parameters_to_vector(network.parameters()))
        self.register_buffer("noise", zeros, persistent=False)

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy."""
        if step.passed * CYCLES % 1 < EXPLORATION:
            self.noise.zero_()
        else:
            self.noise.normal_(generator=step.random)
        return cross_entropy(self.network(images), labels)

    def after_step(self, passed: float) -> None:
        """Keep the weights where a sample is due."""
        while self.kept < self.members and passed >= self.snapshot_share(self.kept):
            self.samples[self.kept].load_state_dict(self.network.state_dict())
            self.kept += 1

    def snapshot_share(self, sample: int) -> float:
        """The share of the training after which a sample is kept, by its number from 0.

        Cycles have as many as can be, the last first. Samples are evenly spaced in the last part of
        a cycle; one is kept at its end.
        """
        last = self.members - 1
        cycles = [CYCLES - 1 - (last - s) * CYCLES // self.members for s in range(self.members)]
        cycle = cycles[sample]
        each, number = cycles.count(cycle), sample - cycles.index(cycle)
        return (cycle + 1 - (1 - EXPLORATION) * (each - 1 - number) / each) / CYCLES


class SGHMC(VectorOptimiser):
    """Stochastic-gradient Hamiltonian Monte Carlo (Chen et al. 2014, equation 15, with β̂ = 0).

    It samples exp(-U(θ)), where U = N (mean loss + λ ‖θ‖² / 2), so that the prior is N(0, 1 / Nλ).
    With the friction α and the learning rate l of the mean loss, which is the step size l / N::

        v ← (1 - α) v - l (∇ mean loss + λ θ) + √(2 α l / N) ε
        θ ← θ + v

    Without noise, and where l is constant, it is SGD with the momentum 1 - α.

    Args:
        recipe: of the momentum, and of λ, its penalty.
        images: N.
    """

    def __init__(self, network: CyclicalNetwork, recipe: Recipe, images: int) -> None:
        super().__init__(network.network)
        self.network, self.recipe, self.images = network, recipe, images
        self.velocity = torch.zeros_like(network.noise)

    def change(
        self, weights: Float[Tensor, " weights"], gradient: Float[Tensor, " weights"], rate: float
    ) -> Float[Tensor, " weights"]:
        """The velocity."""
        momentum, slope = self.recipe.momentum, gradient + self.recipe.l2_penalty * weights
        spread = sqrt(2 * (1 - momentum) * rate / self.images)
        self.velocity = momentum * self.velocity - rate * slope + spread * self.network.noise
        return self.velocity


class CyclicalSGHMC(TrainedMethod):
    """Samples of the posterior from 3 cycles of one training (Zhang et al. 2020).

    In each the learning rate falls by a cosine. For four fifths of it the network is trained
    without noise, then with noise at the temperature 1, where a third of the samples are kept.
    """

    name = "cyclical_sghmc"
    label = "Cyclical SGHMC"
    citation = "Zhang et al. 2020"
    group = "learned distribution"
    sweep = (12,)
    keeps_hidden_layers = True

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The recipe's network."""
        return CyclicalNetwork(network, self.members)

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """`SGHMC`."""
        return SGHMC(cast(CyclicalNetwork, network), recipe, images)

    def rate(self, passed: float) -> float:
        """Falls from the learning rate to zero in each cycle."""
        return cosine(passed * CYCLES % 1)
