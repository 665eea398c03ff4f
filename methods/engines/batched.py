"""Many networks, or many sub-networks of one, asked at once: on an accelerator one alone is idle.

The tensors lie on one device, whichever it is. ``most`` bounds how many members times images are
worked on together: activations, not results, are what would explode.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import conv2d

from methods.networks.lenet5 import CHANNELS, LeNet5


def ensemble_logits(
    networks: Sequence[LeNet5], images: Float[Tensor, "images 1 28 28"], *, most: int
) -> Float[Tensor, "networks images 10"]:
    """Each network's logits, dropout off, their weights stacked along a first axis.

    The networks are of one recipe: all normalise images as the first does.
    """
    # Stacked anew by every call, for a millisecond: so the weights are never those of before.
    parameters, _ = stack_module_state(list(networks))

    def ask(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        logits: Tensor = functional_call(networks[0], parameters, (images,))
        return logits

    ask_all = vmap(ask, in_dims=(0, None))
    batches = torch.split(images, max(1, most // len(networks)))
    return torch.cat([ask_all(parameters, batch) for batch in batches], dim=1)


def subnetwork_logits(
    network: LeNet5,
    images: Float[Tensor, "images 1 28 28"],
    masks: Bool[Tensor, "masks 22"],
    *,
    most: int,
) -> Float[Tensor, "masks images 10"]:
    """Logits of the sub-network of each mask; what they share is computed once.

    A second map is its bias plus a term of each first map, so a mask only weighs the six terms.
    Masks fill up what images leave free: among many images each mask is asked alone, and rounds
    the same whatever masks there are besides.
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
