"""Packed ensembles: members that are groups of one wider network's channels."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.networks.network import Network
from methods.shapes import Images
from methods.trained.base import Layer, MemberNetwork, TrainedMethod, first_layer, replaced
from methods.trained.layouts import HeadsNetwork, xavier_weights


class GroupedLinear(nn.Module):
    """A linear layer in groups, one after the other: y_g = W_g x_g + b_g."""

    def __init__(self, weight: Tensor, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), bias

    def forward(self, inputs: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        """All groups' outputs; weights are [groups, outputs/groups, inputs/groups]."""
        groups, _, width = self.weight.shape
        parts = inputs.reshape(*inputs.shape[:-1], groups, width)
        sums = torch.einsum("...gi,goi->...go", parts, self.weight).flatten(start_dim=-2)
        return sums if self.bias is None else sums + self.bias


class PackedNetwork(HeadsNetwork):
    """The recipe's network α times as wide, in M groups (Laurent et al. 2023, section 3, γ = 1).

    A layer of C inputs and D outputs gets α C and α D, and α² / M times the weights. The first
    layer has one group, since all members read the same image; the last has M · classes outputs. A
    member is a group of each layer, so that members share neither weights nor channels. A group is
    drawn as a layer of its size (Xavier-uniform).
    """

    def __init__(self, network: Network, members: int, alpha: int, random: torch.Generator) -> None:
        super().__init__(network, members)
        first, head = first_layer(network), network.head

        def packed(name: str, layer: Layer) -> nn.Module:
            outputs, inputs, *kernel = layer.weight.shape
            outputs *= members if layer is head else alpha
            groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
            if outputs % (members * groups):
                raise ValueError(
                    f"{name} has {outputs} outputs in a packed ensemble of {members} members; "
                    f"expected a multiple of {members * groups}: choose other members"
                )
            if name != first:
                inputs, groups = inputs * alpha // members, groups * members
            weights = xavier_weights(members, outputs // members, inputs, *kernel, random=random)
            bias = None if layer.bias is None else nn.Parameter(torch.zeros(outputs))
            if isinstance(layer, nn.Linear):
                return GroupedLinear(weights.reshape(groups, -1, inputs), bias)
            layer.weight, layer.groups = nn.Parameter(weights.flatten(end_dim=1)), groups
            layer.register_parameter("bias", bias)
            return layer

        replaced(network, packed)
        for layer in network.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                for values in chain(layer.parameters(), layer.buffers()):
                    values.data = values.data.repeat(alpha) if values.ndim else values.data
        self._require_apart(first, torch.rand(2, *network.shape, generator=random))

    def _require_apart(self, first: str, images: Images) -> None:
        """See to it that what a member computes of the images changes no other's logits."""
        silenced = deepcopy(self)
        weight = silenced.network.get_submodule(first).get_parameter("weight")
        weight.data.view(self.members, -1)[0] = 0
        try:
            apart = torch.allclose(self(images)[1:], silenced(images)[1:], atol=1e-5)
        except RuntimeError:
            apart = False
        if not apart:
            raise ValueError(
                f"{type(self.network).__name__} mixes members' channels; a packed ensemble expects "
                "linear layers, convolutions, batch normalisation, and to flatten by channel"
            )


class PackedEnsemble(TrainedMethod):
    """Packed ensembles (Laurent et al. 2023): small members side by side in one network.

    A member's layers are α / M times as wide as the recipe's, by default half as wide. Members see
    the same batches and differ by their initial weights alone. The loss is their mean, as in the
    authors' code, so that the penalty of a member's weights counts M times. The setting ``alpha``
    is α.
    """

    name = "packed_ensemble"
    tiers = frozenset({"full", "epistemic"})
    label = "Packed ensemble"
    citation = "Laurent et al. 2023"
    group = "ensemble in one network"
    settings = ("learning_rate", "alpha")
    learning_rate, alpha = 0.1, 2

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """All weights are drawn, since none has the shape of the recipe's.

        Raises:
            ValueError: M does not divide a width, or the network does not keep groups apart.
        """
        return PackedNetwork(network, self.members, self.alpha, random)
