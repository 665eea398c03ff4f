"""Logits of many images, batch by batch: activations, not results, are what would explode."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from methods.lenet5 import LeNet5

BATCH_SIZE = 200
"""Images at a time; the fastest on a CPU, where larger batches fall out of its caches."""


@torch.inference_mode()
def logits(
    network: LeNet5,
    images: Float[Tensor, "images 1 28 28"],
    kept: Bool[Tensor, "images 22"] | None = None,
) -> Float[Tensor, "images 10"]:
    """The network's logits on the CPU; ``kept``: the channels that dropout keeps of each image."""
    device = network.conv1.weight.device
    batches = torch.split(images, BATCH_SIZE)
    if kept is None:
        return torch.cat([network(batch.to(device)).cpu() for batch in batches])
    masks = torch.split(kept, BATCH_SIZE)
    return torch.cat(
        [
            network(batch.to(device), mask.to(device)).cpu()
            for batch, mask in zip(batches, masks, strict=True)
        ]
    )


@torch.inference_mode()
def pass_logits(
    network: LeNet5,
    images: Float[Tensor, "images 1 28 28"],
    masks: Bool[Tensor, "passes 22"],
) -> Float[Tensor, "passes images 10"]:
    """Logits on the CPU of one pass a mask; a pass's mask is shared by all images."""
    device = network.conv1.weight.device
    masks = masks.to(device)
    outputs = []
    for batch in torch.split(images, BATCH_SIZE):
        maps = network.first_maps(batch.to(device))
        outputs.append(torch.stack([network.classify(maps, mask[None]) for mask in masks]).cpu())
    return torch.cat(outputs, dim=1)
