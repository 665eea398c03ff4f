"""Masksembles: members that are sub-networks of one network, under fixed masks that overlap."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.networks.network import Network
from methods.trained.base import Layer, MemberNetwork, TrainedMethod, first_layer, replaced
from methods.trained.layouts import PartsNetwork, by_image

NARROWEST = 10
"""Inputs that a layer needs to be masked, as in the authors' library."""


def overlapping_masks(
    features: int, members: int, scale: float, random: torch.Generator
) -> Float[Tensor, "members features"]:
    """Masks of zeros and ones, of which each feature is in at least one (Durasov et al. 2021).

    Each mask has K ones at random among P positions; positions that are in none are dropped, so
    that about P (1 − (1 − K / P)^M) stay. K is such that these are the features if P = S K; P is
    the number by which they come closest. Masks are drawn anew until as many stay as there are
    features.

    Args:
        scale: S, from 1, where all masks are the same, to ever less overlap.
    """
    ones = int(features / (scale * (1 - (1 - 1 / scale) ** members)))
    positions = min(
        range(features, members * ones + 1),
        key=lambda count: abs(count * (1 - (1 - ones / count) ** members) - features),
    )
    while True:
        ranks = torch.rand(members, positions, generator=random).argsort().argsort()
        masks = (ranks < ones).float()
        used = masks.any(dim=0)
        if used.sum() == features:
            return masks[:, used]


class Masked(nn.Module):
    """A layer whose inputs are multiplied by masks: features or, of a convolution, channels.

    An image's member is that of `by_image`.
    """

    masks: Tensor

    def __init__(self, layer: Layer, masks: Float[Tensor, "members features"]) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("masks", masks)

    def forward(self, inputs: Float[Tensor, "images ..."]) -> Float[Tensor, "images ..."]:
        """The layer's outputs, by the mask of each image's member."""
        outputs: Tensor = self.layer(inputs * by_image(self.masks, inputs))
        return outputs


class MasksemblesNetwork(PartsNetwork):
    """The recipe's network with a `Masked` in the place of each layer that is wide enough."""

    def __init__(
        self, network: Network, members: int, scale: float, random: torch.Generator
    ) -> None:
        super().__init__(network, members)
        first = first_layer(network)

        def masked(name: str, layer: Layer) -> nn.Module:
            width = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
            if name == first or width < NARROWEST:
                return layer
            return Masked(layer, overlapping_masks(width, members, scale, random))

        replaced(network, masked)


class Masksembles(TrainedMethod):
    """Masksembles (Durasov et al. 2021): one network, of which each member has a part of its own.

    Masks are drawn once; what they keep is not scaled. In training an image is under the masks of
    one member, so that a training costs what a network's does. Masked are the inputs of all layers
    but the first: the channels of a convolution, and the features of a linear layer, so that after
    flattening the positions of a channel are masked apart. Layers of fewer than 10 inputs stay
    unmasked: in LeNet-5 the second convolution, of 6 channels.

    The setting ``scale`` is S, by which masks overlap less; 2 is the paper's.
    """

    name = "masksembles"
    label = "Masksembles"
    citation = "Durasov et al. 2021"
    group = "ensemble in one network"
    trained_longer = True
    settings = ("learning_rate", "scale")
    learning_rate, scale = 0.06, 2.0

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """Weights are the recipe's."""
        return MasksemblesNetwork(network, self.members, self.scale, random)
