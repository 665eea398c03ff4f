"""Many networks computed batched, since one alone leaves a GPU idle."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from methods.networks.network import Network


def stack(networks: Sequence[Network]) -> dict[str, Float[Tensor, "networks ..."]]:
    """The networks' parameters and buffers by name, along a first axis; a copy."""
    parameters, buffers = stack_module_state(list(networks))
    return parameters | buffers


def ensemble_logits(
    network: Network,
    stacked: dict[str, Float[Tensor, "networks ..."]],
    images: Float[Tensor, "images ..."],
    *,
    most: int,
) -> Float[Tensor, "networks images classes"]:
    """The logits of stacked networks of one recipe, dropout off.

    Args:
        network: any of them, in evaluation mode.
        stacked: on the device of the images.
        most: how many networks times images are computed in one batch, to bound memory.
    """

    def logits(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
        outputs: Tensor = functional_call(network, tensors, (images,))
        return outputs

    all_logits = vmap(logits, in_dims=(0, None))
    batches = torch.split(images, max(1, most // len(next(iter(stacked.values())))))
    return torch.cat([all_logits(stacked, batch) for batch in batches], dim=1)
