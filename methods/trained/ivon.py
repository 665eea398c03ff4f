"""IVON: a Gaussian over each weight, learned at the cost of SGD."""

from __future__ import annotations

from math import ceil
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.shapes import Images, Labels
from methods.trained.base import MemberNetwork, Step, TrainedMethod
from methods.trained.samples import SampledNetwork, VectorOptimiser, shaped

REMAINING_OF_FIRST_HESSIAN = 0.05
"""The weight that the first Hessian still has at the end of a training."""


class IVONNetwork(SampledNetwork):
    """The recipe's network, whose weights are the means of N(m, σ²).

    Attributes:
        deviation: σ, which the optimiser sets.
        noise: σ ε of the last training loss.
    """

    deviation: Float[Tensor, " weights"]
    noise: Float[Tensor, " weights"]

    def __init__(self, network: Network, members: int, random: torch.Generator) -> None:
        super().__init__(network, members)
        self.seed = int(torch.randint(2**62, (), generator=random))
        zeros = torch.zeros_like(parameters_to_vector(network.parameters()))
        self.register_buffer("deviation", zeros)
        self.register_buffer("noise", zeros.clone(), persistent=False)

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy at a sample θ; its gradient, that at θ, goes to the means."""
        normal = torch.empty_like(self.deviation).normal_(generator=step.random)
        self.noise = self.deviation * normal
        logits = functional_call(self.network, self._moved(self.noise), (images,))
        return cross_entropy(logits, labels)

    def finish(self, images: Images, labels: Labels) -> None:
        """Draw the samples."""
        random = torch.Generator().manual_seed(self.seed)
        for sample in self.samples:
            normal = torch.randn(self.deviation.shape, generator=random).to(self.deviation)
            drawn = self._moved(self.deviation * normal)
            sample.load_state_dict(self.network.state_dict() | drawn)

    def _moved(self, noise: Float[Tensor, " weights"]) -> dict[str, Tensor]:
        means = dict(self.network.named_parameters())
        parts = zip(means.items(), shaped(noise, means.values()), strict=True)
        return {name: mean + part for (name, mean), part in parts}


class IVONOptimiser(VectorOptimiser):
    """The step of Shen et al. 2024, algorithm 1, by one sample of the weights.

    With the gradient ĝ of the mean loss at θ = m + σ ε, where σ² = 1 / N(h + δ)::

        ĥ = ĝ (θ - m) / σ²
        g ← β₁ g + (1 - β₁) ĝ
        h ← β₂ h + (1 - β₂) ĥ + (1 - β₂)² (h - ĥ)² / 2(h + δ)
        m ← m - α (h₀ + δ) (g / (1 - β₁ᵗ) + δ m) / (h + δ)

    The last term of h keeps h + δ positive. The prior is N(0, 1 / Nδ).

    Args:
        recipe: of δ, its penalty; and of its length, over which h₀ loses all but a share of
            `REMAINING_OF_FIRST_HESSIAN`. By the authors' β₂ of 0.99999, meant for ten times as
            many steps, 0.92 of it would stay in ten epochs: the deviations would not be learned.
        images: N.
        hessian: h₀, with which h begins.
    """

    beta1: ClassVar[float] = 0.9

    def __init__(self, network: IVONNetwork, recipe: Recipe, images: int, hessian: float) -> None:
        super().__init__(network.network)
        self.network, self.images, self.weight_decay = network, images, recipe.l2_penalty
        steps = recipe.epochs * ceil(images / recipe.batch_size)
        self.beta2 = REMAINING_OF_FIRST_HESSIAN ** (1 / steps)
        self.hessian = torch.full_like(network.deviation, hessian)
        self.momentum = torch.zeros_like(network.deviation)
        self.first, self.steps = hessian + self.weight_decay, 0
        network.deviation = (images * (self.hessian + self.weight_decay)).rsqrt()

    def change(
        self, weights: Float[Tensor, " weights"], gradient: Float[Tensor, " weights"], rate: float
    ) -> Float[Tensor, " weights"]:
        """The change of the means in a step."""
        self.steps += 1
        curvature = self.hessian + self.weight_decay
        estimate = gradient * self.network.noise * self.images * curvature
        difference = (1 - self.beta2) * (estimate - self.hessian)
        self.hessian = self.hessian + difference + difference**2 / (2 * curvature)
        self.momentum = self.beta1 * self.momentum + (1 - self.beta1) * gradient
        curvature = self.hessian + self.weight_decay
        self.network.deviation = (self.images * curvature).rsqrt()
        slope = self.momentum / (1 - self.beta1**self.steps) + self.weight_decay * weights
        return -rate * self.first * slope / curvature


class IVON(TrainedMethod):
    """Improved variational online Newton (Shen et al. 2024): a Gaussian over each weight.

    Its mean and deviation are learned from one sample a step, so that a training costs what a
    network's does. The temperature is 1; the setting ``hessian`` is h₀ (see `IVONOptimiser`).

    Args:
        members: M, how many samples of the weights predict.
    """

    name = "ivon"
    tiers = frozenset({"full", "epistemic"})
    label = "IVON"
    citation = "Shen et al. 2024"
    group = "learned distribution"
    sweep, trained_longer = (10,), True
    settings = ("learning_rate", "hessian")
    keeps_hidden_layers = True
    learning_rate, hessian = 0.1, 0.5

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """Means are the recipe's weights."""
        return IVONNetwork(network, self.members, random)

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """Its own."""
        return IVONOptimiser(cast(IVONNetwork, network), recipe, images, self.hessian)
