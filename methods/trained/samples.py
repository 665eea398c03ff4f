"""Networks whose members are samples of the weights, and what steps all weights as one vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from methods.networks.network import Network
from methods.shapes import Images, MemberLogits
from methods.trained.base import MemberNetwork


class SampledNetwork(MemberNetwork):
    """A network whose members are M copies of the recipe's, each with a sample of the weights.

    `network` alone is trained; a subclass puts the samples into the copies.
    """

    def __init__(self, network: Network, members: int) -> None:
        super().__init__(network, members)
        copies = (deepcopy(network) for _ in range(members))
        self.samples = nn.ModuleList(copies).requires_grad_(False)

    def forward(self, images: Images) -> MemberLogits:
        """The logits of each copy."""
        return torch.stack([sample(images) for sample in self.samples])


class VectorOptimiser(torch.optim.Optimizer, ABC):
    """Steps all weights of a network as one vector; each must have a gradient."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network.parameters(), {})

    @abstractmethod
    def change(
        self, weights: Float[Tensor, " weights"], gradient: Float[Tensor, " weights"], rate: float
    ) -> Float[Tensor, " weights"]:
        """The change of the weights in a step, by its learning rate."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Add the change."""
        (group,) = self.param_groups
        weights = group["params"]
        gradient = parameters_to_vector([weight.grad for weight in weights])
        change = self.change(parameters_to_vector(weights), gradient, group["lr"])
        for weight, part in zip(weights, shaped(change, weights), strict=True):
            weight.add_(part)


def shaped(vector: Float[Tensor, " weights"], like: Iterable[Tensor]) -> list[Tensor]:
    """The parts of a vector, with the shapes of these tensors."""
    shapes = [tensor.shape for tensor in like]
    parts = torch.split(vector, [shape.numel() for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
