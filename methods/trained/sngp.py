"""SNGP: a network of bounded layers, which keep distances, and a Gaussian process over features."""

from __future__ import annotations

from math import pi

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, normalize

from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.shapes import Features, Images, Labels, Logits
from methods.trained.base import BATCH, LAYERS, MemberNetwork, Step, TrainedMethod, replaced

FEATURES = 256
"""D, how many random features there are. The paper's 1024 would make LeNet-5 a fifth dearer."""

RIDGE = 1.0
"""The precision of the prior of the last weights, as in the paper."""


class GaussianProcess(nn.Module):
    """Logits φᵀ β_k, with a Gaussian posterior of β_k; φ are random features (Rahimi & Recht 2007).

    φ = cos(W h + b), W ~ N(0, 0.05²) and b ~ U(0, 2π), both fixed, so that φ(h)ᵀ φ(h') is about
    D / 2 exp(−0.05² |h − h'|² / 2). As in the authors' code, without the paper's scale √(2 / D),
    which would slow the layers below, and with 0.05 in place of 1. Σ_k is the posterior's
    covariance, before `condition` the prior's.
    """

    frequencies: Tensor
    phases: Tensor
    covariances: Tensor

    def __init__(self, width: int, classes: int, random: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("frequencies", 0.05 * torch.randn(FEATURES, width, generator=random))
        self.register_buffer("phases", 2 * pi * torch.rand(FEATURES, generator=random))
        self.register_buffer("covariances", (torch.eye(FEATURES) / RIDGE).repeat(classes, 1, 1))
        self.weights = nn.Parameter(torch.empty(classes, FEATURES))
        nn.init.xavier_uniform_(self.weights, generator=random)

    def features(self, inputs: Features) -> Float[Tensor, "images features"]:
        """φ."""
        return linear(inputs, self.frequencies, self.phases).cos()

    def logits(self, features: Float[Tensor, "images features"]) -> Logits:
        """φᵀ β_k."""
        return linear(features, self.weights)

    def forward(self, inputs: Features) -> Logits:
        """φᵀ β_k / √(1 + π / 8 φᵀ Σ_k φ): mean-field logits of the expected softmax."""
        features = self.features(inputs)
        variances = ((features @ self.covariances) * features).sum(dim=2).T
        return self.logits(features) / (1 + pi / 8 * variances).sqrt()

    def condition(self, inputs: Features) -> None:
        """Laplace: Σ_k⁻¹ = `RIDGE` I + Σ_n p_nk (1 − p_nk) φ_n φ_nᵀ, p the softmax."""
        precisions = RIDGE * torch.eye(FEATURES, dtype=torch.float64, device=inputs.device)
        for part in torch.split(inputs, BATCH):
            features = self.features(part)
            p = self.logits(features).double().softmax(dim=1)
            weighted = (p * (1 - p)).T[:, :, None] * features.double()
            precisions = precisions + weighted.mT @ features.double()
        self.covariances.copy_(torch.linalg.cholesky(precisions).cholesky_inverse())


class SNGPNetwork(MemberNetwork):
    """The recipe's network with weights of bounded norms, and a `GaussianProcess` as its head.

    Weights W are scaled by c / ‖W‖ where their norm is larger than c. ‖W‖ is the largest singular
    value of [outputs, all else], as of Miyato et al. 2018: of a convolution that of its kernel as a
    matrix, not of the map between images.
    """

    def __init__(self, network: Network, bound: float, random: torch.Generator) -> None:
        super().__init__(network, members=1)
        self.bound, head = bound, network.head
        classes, width = head.weight.shape
        self.process = GaussianProcess(width, classes, random)
        replaced(network, lambda _, layer: nn.Identity() if layer is head else layer)
        self.hidden = [layer for layer in network.modules() if isinstance(layer, LAYERS)]
        for layer in self.hidden:  # whose weights are bounded
            start = torch.randn(len(layer.weight), 1, generator=random)
            layer.register_buffer("direction", normalize(start, dim=0))

    def forward(self, images: Images) -> Float[Tensor, "1 images classes"]:
        """The mean-field logits."""
        logits: Tensor = self.process(self.network(images))
        return logits[None]

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The cross-entropy of the logits φᵀ β."""
        features = self.process.features(self.network(images))
        return cross_entropy(self.process.logits(features), labels)

    @torch.no_grad()
    def after_step(self, passed: float) -> None:
        """Scale weights by an estimate of the norm: one step of the power iteration."""
        for layer in self.hidden:
            weight, direction = layer.weight.flatten(start_dim=1), layer.get_buffer("direction")
            image = weight @ normalize(weight.T @ direction, dim=0)
            norm = image.norm()
            direction.copy_(image / norm)
            layer.weight.mul_((self.bound / norm).clamp(max=1))

    def finish(self, images: Images, labels: Labels) -> None:
        """Condition the process on all images."""
        parts = torch.split(images, BATCH)
        self.process.condition(torch.cat([self.network(part) for part in parts]))


class SNGP(TrainedMethod):
    """Spectral-normalised neural Gaussian process (Liu et al. 2020): one network.

    After each step the weights of all layers but the last are scaled so that their norm is at most
    c, the setting ``bound``; layers such as batch normalisation are not bounded. The covariance of
    each class is of equation 9 of the paper, computed once for all training images after the last
    step; the authors' code has one for all, of a Gaussian likelihood. As there, where it is 1e-6 at
    most, β has no penalty: only its covariance has a prior.
    """

    name = "sngp"
    label = "SNGP"
    citation = "Liu et al. 2020"
    group = "learned distribution"
    size, sweep = None, ()
    settings = ("learning_rate", "bound")
    keeps_hidden_layers = True
    learning_rate, bound = 0.1, 2.0

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """Hidden weights are the recipe's."""
        return SNGPNetwork(network, self.bound, random)

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """The recipe's SGD; β has no penalty."""
        optimiser = super().optimiser(network, recipe, images)
        weights = optimiser.param_groups[0]["params"].pop()  # those of the network come first
        optimiser.add_param_group({"params": weights, "weight_decay": 0.0})
        return optimiser
