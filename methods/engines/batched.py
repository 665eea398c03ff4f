"""Many networks, or many sub-networks of one, computed batched: one alone leaves a GPU idle.

The tensors lie on one device, whichever it is. ``most`` bounds how many members times images are
computed in one batch, and so the memory of activations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import conv2d

from methods.networks.lenet5 import CHANNELS, LeNet5


def stack(networks: Sequence[LeNet5]) -> dict[str, Float[Tensor, "networks ..."]]:
    """The networks' parameters by name, along a first axis; a copy."""
    parameters, _ = stack_module_state(list(networks))
    return parameters


def ensemble_logits(
    network: LeNet5,
    parameters: dict[str, Float[Tensor, "networks ..."]],
    images: Float[Tensor, "images 1 28 28"],
    *,
    most: int,
) -> Float[Tensor, "networks images 10"]:
    """The logits of stacked networks of one recipe, dropout off; ``network`` is any of them."""

    def logits(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        outputs: Tensor = functional_call(network, parameters, (images,))
        return outputs

    all_logits = vmap(logits, in_dims=(0, None))
    batches = torch.split(images, max(1, most // len(parameters["conv1.weight"])))
    return torch.cat([all_logits(parameters, batch) for batch in batches], dim=1)


def subnetwork_logits(
    network: LeNet5,
    images: Float[Tensor, "images 1 28 28"],
    masks: Bool[Tensor, "masks 22"],
    *,
    most: int,
) -> Float[Tensor, "masks images 10"]:
    """Logits of the sub-network of each mask; what they share is computed once.

    A second map is its bias plus a term of each first map, so a mask only scales the six terms.
    Masks share a batch only where few images leave space: with many images each mask is computed
    alone, and rounds the same whatever other masks there are.
    """
    outputs = []
    for batch in torch.split(images, most):
        terms = _second_terms(network, batch)
        parts = torch.split(masks, most // max(1, len(batch)))
        outputs.append(torch.cat([_classify(network, terms, some) for some in parts]))
    return torch.cat(outputs, dim=1)


def _second_terms(
    network: LeNet5, images: Float[Tensor, "images 1 28 28"]
) -> Float[Tensor, "6 images 16 10 10"]:
    """What each first map, taken alone, adds to the second ones."""
    first, second = CHANNELS
    weight = network.conv2.weight.transpose(0, 1).flatten(end_dim=1)[:, None]
    terms = conv2d(network.first_maps(images), weight, groups=first)
    return terms.reshape(len(images), first, second, 10, 10).transpose(0, 1).contiguous()


def _classify(
    network: LeNet5,
    terms: Float[Tensor, "6 images 16 10 10"],
    masks: Bool[Tensor, "masks 22"],
) -> Float[Tensor, "masks images 10"]:
    first, second = torch.split(network.scales(masks), list(CHANNELS), dim=1)
    bias = network.conv2.get_parameter("bias")[:, None, None]
    maps = torch.tensordot(first, terms, dims=1) + bias
    logits: Tensor = vmap(network.classify_second)(maps, second[:, :, None, None])
    return logits
