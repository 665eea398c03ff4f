"""BatchEnsemble: members that share each weight matrix and scale its rows and columns."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.trained.base import Layer, MemberNetwork, TrainedMethod, replaced
from methods.trained.layouts import PartsNetwork, by_image


class RankOne(nn.Module):
    """A layer whose weights each member multiplies by r sᵀ (Wen et al. 2020, equation 1).

    y = ((x ∘ r) W) ∘ s + b, where r scales the inputs and s the outputs. r and s begin as random
    signs. An image's member is that of `by_image`.
    """

    def __init__(self, layer: Layer, members: int, random: torch.Generator) -> None:
        super().__init__()
        outputs, inputs = layer.weight.shape[:2]
        self.layer = layer
        self.bias = nn.Parameter(torch.zeros(members, outputs))
        self.layer.register_parameter("bias", None)
        self.r = nn.Parameter(_signs(members, inputs, random))
        self.s = nn.Parameter(_signs(members, outputs, random))

    def forward(self, inputs: Float[Tensor, "images ..."]) -> Float[Tensor, "images ..."]:
        """The layer's outputs, by the member of each image."""
        outputs: Tensor = self.layer(inputs * by_image(self.r, inputs))
        return outputs * by_image(self.s, outputs) + by_image(self.bias, outputs)


def _signs(members: int, width: int, random: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(2, (members, width), generator=random) - 1.0


class BatchEnsemble(TrainedMethod):
    """BatchEnsemble (Wen et al. 2020): one weight matrix a layer, rank-one factors a member.

    A batch is divided among the members, so that a training costs what a network's does. The
    recipe's penalty is of shared weights and biases alone, as in the authors' code.
    """

    name = "batch_ensemble"
    label = "BatchEnsemble"
    citation = "Wen et al. 2020"
    group = "ensemble in one network"
    learning_rate = 0.06

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """Shared weights are the recipe's."""
        replaced(network, lambda _, layer: RankOne(layer, self.members, random))
        return PartsNetwork(network, self.members)

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """The recipe's SGD; r and s have no penalty."""
        optimiser = super().optimiser(network, recipe, images)
        (group,) = optimiser.param_groups
        layers = [layer for layer in network.modules() if isinstance(layer, RankOne)]
        scales = dict.fromkeys(scale for layer in layers for scale in (layer.r, layer.s))
        group["params"] = [each for each in group["params"] if each not in scales]
        optimiser.add_param_group({"params": [*scales], "weight_decay": 0.0})
        return optimiser
