"""Shallow ensembles: several last layers on one trunk, trained together."""

from __future__ import annotations

import torch
from torch import nn

from methods.networks.network import Network
from methods.trained.base import MemberNetwork, TrainedMethod
from methods.trained.layouts import HeadsNetwork, xavier_weights


class ShallowEnsembleNetwork(HeadsNetwork):
    """The recipe's network with M last layers, laid out as one linear layer of M · classes.

    logits_m = W_m features + b_m. The trunk is computed once for all heads. Each W_m is drawn as
    that of a network's only head (Xavier-uniform), and b_m is zero.
    """

    def __init__(self, network: Network, members: int, random: torch.Generator) -> None:
        super().__init__(network, members)
        head = network.head
        weights = xavier_weights(members, *head.weight.shape, random=random)
        head.weight = nn.Parameter(weights.flatten(end_dim=1))
        if head.bias is not None:
            head.bias = nn.Parameter(torch.zeros(len(head.weight)))
        head.out_features = len(head.weight)


class ShallowEnsemble(TrainedMethod):
    """Sub-ensembles of the last layer (Valdenegro-Toro 2019): M heads on one trunk.

    There the trunk is trained with one head and then kept; here it is trained with all heads at
    once, by their mean cross-entropy, so that the penalty of a head's weights counts M times. Heads
    see the same batches and differ by their initial weights alone. As the loss is convex in a
    head's weights, expect their disagreement to be small.
    """

    name = "shallow_ensemble"
    label = "Shallow ensemble"
    citation = "Valdenegro-Toro 2019"
    group = "ensemble in one network"
    sweep, trained_longer = (10,), True
    keeps_hidden_layers = True
    learning_rate = 0.06

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The trunk is the recipe's; the heads are drawn."""
        return ShallowEnsembleNetwork(network, self.members, random)
