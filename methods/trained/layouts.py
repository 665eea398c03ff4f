"""How members can share a network: as parts of a batch, or as heads."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from methods.shapes import Images, Labels, MemberLogits
from methods.trained.base import MemberNetwork, Step


class PartsNetwork(MemberNetwork):
    """A network that takes its images in M parts, one a member; see `by_image`."""

    def forward(self, images: Images) -> MemberLogits:
        """Each member's logits of all images."""
        logits: Tensor = self.network(images.repeat(self.members, *(1,) * (images.ndim - 1)))
        return logits.reshape(self.members, len(images), logits.shape[1])

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy; of a batch each member sees a part of its own."""
        return cross_entropy(self.network(images), labels)


def by_image(
    values: Float[Tensor, "members width"], images: Float[Tensor, "images width ..."]
) -> Float[Tensor, "images width ..."]:
    """Values of each image's member: images come in M parts as equal as can be, in order.

    Further axes are of length 1.
    """
    count = len(images)
    members = torch.arange(count, device=images.device) * len(values) // max(count, 1)
    return values[members][(..., *(None,) * (images.ndim - 2))]


def xavier_weights(count: int, *shape: int, random: torch.Generator) -> Float[Tensor, "count ..."]:
    """Weights of several layers, each drawn as that of a layer of its own (Xavier-uniform)."""
    weights = torch.empty(count, *shape)
    for weight in weights:
        nn.init.xavier_uniform_(weight, generator=random)
    return weights


class HeadsNetwork(MemberNetwork):
    """A network whose outputs are the logits of M members, one after the other."""

    def forward(self, images: Images) -> MemberLogits:
        """Each member's logits of all images."""
        return torch.stack(self.network(images).chunk(self.members, dim=1))

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy over members; all see the same images."""
        return cross_entropy(self(images).flatten(end_dim=1), labels.repeat(self.members))
