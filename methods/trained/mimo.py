"""MIMO: one network that reads several images at once and has a head for each."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from methods.networks.network import Network
from methods.shapes import Images, Labels, MemberLogits
from methods.trained.base import Layer, MemberNetwork, Step, TrainedMethod, first_layer, replaced
from methods.trained.layouts import HeadsNetwork, xavier_weights


class Concatenating(nn.Module):
    """A first layer that reads M images at once: their channels, one image after the other.

    Inputs come in M equal parts, one a member; the i-th output is of the i-th image of each part.
    So what a network does before, such as resizing, it does with single images.
    """

    def __init__(self, layer: Layer, members: int, random: torch.Generator) -> None:
        super().__init__()
        self.layer, self.members = layer, members
        outputs, inputs, *kernel = layer.weight.shape
        weights = xavier_weights(1, outputs, members * inputs, *kernel, random=random)
        self.layer.weight = nn.Parameter(weights[0])

    def forward(self, inputs: Float[Tensor, "inputs ..."]) -> Float[Tensor, "outputs ..."]:
        """The layer's outputs of M images each."""
        outputs: Tensor = self.layer(torch.cat(inputs.chunk(self.members), dim=1))
        return outputs


def member_orders(
    images: int, members: int, repetition: float, random: torch.Generator
) -> Int64[Tensor, "members images"]:
    """Numbers of the images of a batch that each member reads, by position.

    The first (1 - ρ) N of N images, rounded, are shuffled for each member; the others are the same
    for all. Batches are in random order, so that an image is repeated with chance ρ.
    """
    shuffled = images - round(images * repetition)
    orders = torch.arange(images, device=random.device).repeat(members, 1)
    keys = torch.rand(members, shuffled, generator=random, device=random.device)
    orders[:, :shuffled] = keys.argsort(dim=1)
    return orders


class MIMONetwork(HeadsNetwork):
    """The recipe's network with a first layer for M images, and M heads.

    Both are drawn as layers of their size (Xavier-uniform); those between are the recipe's.
    """

    def __init__(
        self, network: Network, members: int, repetition: float, random: torch.Generator
    ) -> None:
        super().__init__(network, members)
        self.repetition, first, head = repetition, first_layer(network), network.head

        def widened(name: str, layer: Layer) -> nn.Module:
            return Concatenating(layer, members, random) if name == first else layer

        replaced(network, widened)
        classes, *inputs = head.weight.shape
        weights = xavier_weights(1, members * classes, *inputs, random=random)
        head.weight = nn.Parameter(weights[0])
        if head.bias is not None:
            head.bias = nn.Parameter(torch.zeros(members * classes))

    def forward(self, images: Images) -> MemberLogits:
        """Each head's logits, where all inputs are the same image."""
        return super().forward(images.repeat(self.members, *(1,) * (images.ndim - 1)))

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy of the heads, each of the label of its own image.

        The paper has the sum; with the mean, learning rates are those of a usual network.
        """
        order = member_orders(len(images), self.members, self.repetition, step.random).flatten()
        logits = super().forward(images[order])
        return cross_entropy(logits.flatten(end_dim=1), labels[order])


class MIMO(TrainedMethod):
    """Multi-input multi-output (Havasi et al. 2021): M members within one network.

    In training each head learns the label of an image of its own; in prediction all inputs are the
    same image. The setting ``repetition`` is ρ, the share of a batch that is the same for all
    members in training, too. There is no batch repetition: it is 1.
    """

    name = "mimo"
    label = "MIMO"
    citation = "Havasi et al. 2021"
    group = "ensemble in one network"
    sweep = (3,)
    settings = ("learning_rate", "repetition")
    learning_rate, repetition = 0.1, 0.6

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """All layers but the first and the last are the recipe's."""
        return MIMONetwork(network, self.members, self.repetition, random)
