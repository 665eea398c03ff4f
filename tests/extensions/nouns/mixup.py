"""A method that trains a network of its own."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.networks.network import Network
from methods.trained.base import MemberNetwork, Step, TrainedMethod


class MixupNetwork(MemberNetwork):
    """The recipe's network, trained on mixtures of two images."""

    def forward(self, images: Tensor) -> Tensor:
        """The logits of the only member, [1, images, classes]."""
        logits: Tensor = self.network(images)
        return logits[None]

    def training_loss(self, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """The cross-entropy of both labels, each by the share of its image."""
        order = torch.randperm(len(images), generator=step.random, device=images.device)
        share = torch.rand((), generator=step.random, device=images.device)
        logits = self.network(share * images + (1 - share) * images[order])
        first, second = cross_entropy(logits, labels), cross_entropy(logits, labels[order])
        return share * first + (1 - share) * second


class Mixup(TrainedMethod):
    """One network, trained on images between two (Zhang et al. 2018), with shares from U(0, 1)."""

    name = "mixup"
    label = "Mixup"
    citation = "Zhang et al. 2018"
    group = "augmentation"
    size, sweep = None, ()

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The recipe's network as it is."""
        return MixupNetwork(network, members=1)
