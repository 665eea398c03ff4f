"""The reference engine: plain PyTorch over tensors in memory, on any device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from methods.engines import batched as batched
from methods.engines.base import Engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import Recipe

ON_THE_CPU, ELSEWHERE = 100, 2**14
"""Members times images asked about at a time: activations, not results, are what would explode.

Each takes some 40 kB in a network, and 80 kB where the terms of sub-networks are made: together
1.3 GB at most. On a CPU larger batches fall out of its caches.
"""


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Left to itself, cuDNN would round convolutions to TF32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@contextmanager
def _asking() -> Iterator[None]:
    """Without gradients, and in the whole of float32."""
    with torch.inference_mode(), _whole_float32():
        yield


@dataclass(frozen=True)
class TorchEngine(Engine):
    """PyTorch on a device; where it is not the CPU, networks are trained and asked at once."""

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``torch-2.9.0-cpu``."""
        return f"torch-{torch.__version__}-{self.device}"

    @property
    def trains_batched(self) -> bool:
        """A small network leaves an accelerator idle; fifty at once do not."""
        return self.device != "cpu"

    def trainer(
        self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages
    ) -> LoopTrainer | StackedTrainer:
        """Adam: network after network on the CPU, all at once elsewhere."""
        kind = StackedTrainer if self.trains_batched else LoopTrainer
        return kind(networks, recipe, data, self.device)

    @_asking()
    def logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        kept: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """The network's logits; ``kept``: the channels that dropout keeps of each image."""
        network = network.to(self.device)
        batches = torch.split(images.to(self.device), self._most)
        if kept is None:
            return torch.cat([network(batch) for batch in batches]).cpu()
        masks = torch.split(kept.to(self.device), self._most)
        return torch.cat([network(*each) for each in zip(batches, masks, strict=True)]).cpu()

    @_asking()
    def ensemble_logits(
        self, networks: Sequence[LeNet5], images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "networks images 10"]:
        """Logits of each network: one by one on the CPU, where that is faster, else at once."""
        if not self.trains_batched:
            return super().ensemble_logits(networks, images)
        networks, images = [n.to(self.device) for n in networks], images.to(self.device)
        return batched.ensemble_logits(networks, images, most=self._most).cpu()

    @_asking()
    def pass_logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        masks: Bool[Tensor, "passes 22"],
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of one pass a mask, all at once on any device."""
        network, images = network.to(self.device), images.to(self.device)
        masks = masks.to(self.device)
        return batched.subnetwork_logits(network, images, masks, most=self._most).cpu()

    @property
    def _most(self) -> int:
        return ON_THE_CPU if self.device == "cpu" else ELSEWHERE


class LoopTrainer:
    """Networks trained by Adam one after the other, in the plainest way."""

    def __init__(
        self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages, device: str
    ) -> None:
        self._networks = [network.to(device) for network in networks]
        self._optimisers = [
            torch.optim.Adam(network.parameters(), lr=recipe.learning_rate) for network in networks
        ]
        self._recipe = recipe
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    @_whole_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        kept: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        units = zip(self._networks, self._optimisers, orders, kept, strict=True)
        return [self._train(*unit) for unit in units]

    def _train(
        self,
        network: LeNet5,
        optimiser: torch.optim.Optimizer,
        order: Int64[Tensor, " images"],
        kept: Bool[Tensor, "images 22"],
    ) -> float:
        order, kept = order.to(self._images.device), kept.to(self._images.device)
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        for start in range(0, len(order), self._recipe.batch_size):
            batch = order[start : start + self._recipe.batch_size]
            outputs = network(self._images[batch], kept[start : start + self._recipe.batch_size])
            loss = self._recipe.mean_loss(outputs, self._labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(batch)
        return total.item() / len(order)


class StackedTrainer:
    """Networks trained at once: their weights stacked along a first axis, one Adam for all.

    Adam works on each number by itself, so networks share nothing but the device's time.
    """

    def __init__(
        self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages, device: str
    ) -> None:
        self._networks = [network.to(device) for network in networks]
        self._parameters, _ = stack_module_state(networks)
        self._optimiser = torch.optim.Adam(self._parameters.values(), lr=recipe.learning_rate)
        self._recipe = recipe
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    @_whole_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        kept: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        orders, kept = orders.to(self._images.device), kept.to(self._images.device)
        total = torch.zeros(len(orders), dtype=torch.float64, device=orders.device)
        for start in range(0, orders.shape[1], self._recipe.batch_size):
            batch = slice(start, start + self._recipe.batch_size)
            losses = self._losses(orders[:, batch], kept[:, batch])
            self._optimiser.zero_grad()
            losses.sum().backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()
            total += losses.detach() * orders[:, batch].shape[1]
        self._hand_back()
        return (total / orders.shape[1]).tolist()

    def _losses(
        self,
        batches: Int64[Tensor, "networks batch"],
        kept: Bool[Tensor, "networks batch 22"],
    ) -> Float[Tensor, " networks"]:
        def loss(
            parameters: dict[str, Tensor], images: Tensor, labels: Tensor, kept: Tensor
        ) -> Tensor:
            outputs = functional_call(self._networks[0], parameters, (images, kept))
            return self._recipe.mean_loss(outputs, labels)

        losses: Tensor = vmap(loss)(
            self._parameters, self._images[batches], self._labels[batches], kept
        )
        return losses

    @torch.no_grad()
    def _hand_back(self) -> None:
        for i, network in enumerate(self._networks):
            for name, parameter in network.named_parameters():
                parameter.copy_(self._parameters[name][i])
