"""The reference engine: plain PyTorch over tensors in memory, on any device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from methods.engines import Engine
from methods.labelled_images import LabelledImages
from methods.lenet5 import LeNet5
from methods.recipes import Recipe

BATCH_SIZE = 200
"""Images asked about at a time: activations, not results, are what would explode. The fastest on
a CPU, where larger batches fall out of its caches."""


@dataclass(frozen=True)
class TorchEngine(Engine):
    """PyTorch on a device: trains network after network, asks batch after batch."""

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``torch-2.9.0-cpu``."""
        return f"torch-{torch.__version__}-{self.device}"

    def trainer(self, network: LeNet5, recipe: Recipe, data: LabelledImages) -> TorchTrainer:
        """Adam, step by step."""
        return TorchTrainer(network, recipe, data, self.device)

    @torch.inference_mode()
    def logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        kept: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """The network's logits; ``kept``: the channels that dropout keeps of each image."""
        network = network.to(self.device)
        batches = torch.split(images, BATCH_SIZE)
        if kept is None:
            return torch.cat([network(batch.to(self.device)).cpu() for batch in batches])
        masks = torch.split(kept, BATCH_SIZE)
        return torch.cat(
            [
                network(batch.to(self.device), mask.to(self.device)).cpu()
                for batch, mask in zip(batches, masks, strict=True)
            ]
        )

    @torch.inference_mode()
    def pass_logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        masks: Bool[Tensor, "passes 22"],
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of one pass a mask; the first maps are the same for all passes."""
        network, masks = network.to(self.device), masks.to(self.device)
        outputs = []
        for batch in torch.split(images, BATCH_SIZE):
            maps = network.first_maps(batch.to(self.device))
            passes = torch.stack([network.classify(maps, mask[None]) for mask in masks])
            outputs.append(passes.cpu())
        return torch.cat(outputs, dim=1)


class TorchTrainer:
    """A network trained by Adam on one device."""

    def __init__(self, network: LeNet5, recipe: Recipe, data: LabelledImages, device: str) -> None:
        self._network = network.to(device)
        self._optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        self._recipe = recipe
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    def epoch(self, order: Int64[Tensor, " images"], kept: Bool[Tensor, "images 22"]) -> float:
        """One pass over the images in this order, in batches; returns the mean loss."""
        device = self._images.device
        order, kept = order.to(device), kept.to(device)
        total = torch.zeros((), dtype=torch.float64, device=device)
        for start in range(0, len(order), self._recipe.batch_size):
            batch = slice(start, start + self._recipe.batch_size)
            loss = self._step(order[batch], kept[batch])
            total += loss * len(order[batch])
        return total.item() / len(order)

    def _step(
        self, batch: Int64[Tensor, " batch"], kept: Bool[Tensor, "batch 22"]
    ) -> Float[Tensor, ""]:
        outputs = self._network(self._images[batch], kept)
        loss = self._recipe.mean_loss(outputs, self._labels[batch])
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return loss.detach()
