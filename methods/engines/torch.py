"""The reference engine: plain PyTorch over tensors in memory, on any device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.func import functional_call, vmap

from methods.engines import batched
from methods.engines.base import Engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import Recipe

ON_THE_CPU, ELSEWHERE = 100, 2**14
"""Members times images computed in one batch, to bound the memory of activations: 1.3 GB at most.

Each takes some 40 kB in a network, and 80 kB where the terms of sub-networks are made. On a CPU
larger batches fall out of its caches.
"""


@contextmanager
def _full_float32() -> Iterator[None]:
    """By default cuDNN rounds convolutions to TF32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@contextmanager
def _predicting() -> Iterator[None]:
    """Without gradients, and in full float32."""
    with torch.inference_mode(), _full_float32():
        yield


@dataclass(frozen=True)
class TorchEngine(Engine):
    """PyTorch on a device; where it is not the CPU, networks train and predict batched."""

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``torch-2.9.0-cpu``."""
        return f"torch-{torch.__version__}-{self.device}"

    @property
    def trains_batched(self) -> bool:
        """A small network leaves an accelerator idle; a batch of fifty does not."""
        return self.device != "cpu"

    def trainer(
        self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages
    ) -> LoopTrainer | StackedTrainer:
        """Adam: network after network on the CPU, batched elsewhere."""
        kind = StackedTrainer if self.trains_batched else LoopTrainer
        return kind(networks, recipe, data, self.device)

    def prepare(self, networks: Sequence[LeNet5]) -> TorchNetworks:
        """Copy them to the device, and stack several there."""
        return TorchNetworks(networks, self.device, stacked=self.trains_batched)


class TorchNetworks:
    """Networks on the device; see `PreparedNetworks`.

    Args:
        stacked: whether several networks compute batched; else one after the other.
    """

    def __init__(self, networks: Sequence[LeNet5], device: str, *, stacked: bool) -> None:
        self._device = device
        self._networks = [_on(device, network) for network in networks]
        self._stack = batched.stack(self._networks) if stacked and len(networks) > 1 else None
        self._most = ON_THE_CPU if device == "cpu" else ELSEWHERE

    @_predicting()
    def logits(
        self,
        images: Float[Tensor, "images 1 28 28"],
        keep_mask: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "networks images 10"]:
        """Logits of each network; ``keep_mask``: the channels that dropout keeps of each image."""
        images = images.to(self._device)
        if self._stack is not None and keep_mask is None:
            network = self._networks[0]
            return batched.ensemble_logits(network, self._stack, images, most=self._most).cpu()
        batches: list[tuple[Tensor, ...]] = [(batch,) for batch in torch.split(images, self._most)]
        if keep_mask is not None:
            masks = torch.split(keep_mask.to(self._device), self._most)
            batches = [(*batch, mask) for batch, mask in zip(batches, masks, strict=True)]
        return torch.stack(
            [torch.cat([network(*batch) for batch in batches]) for network in self._networks]
        ).cpu()

    @_predicting()
    def pass_logits(
        self, images: Float[Tensor, "images 1 28 28"], keep_mask: Bool[Tensor, "passes 22"]
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of the only network, its passes batched on any device."""
        (network,) = self._networks
        images, masks = images.to(self._device), keep_mask.to(self._device)
        return batched.subnetwork_logits(network, images, masks, most=self._most).cpu()


def _on(device: str, network: LeNet5) -> LeNet5:
    """A copy of the network on the device; the one given stays where and as it is."""
    return deepcopy(network).to(device)


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

    @_full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        each = zip(self._networks, self._optimisers, orders, keep_mask, strict=True)
        return [self._train(*one) for one in each]

    def _train(
        self,
        network: LeNet5,
        optimiser: torch.optim.Optimizer,
        order: Int64[Tensor, " images"],
        keep_mask: Bool[Tensor, "images 22"],
    ) -> float:
        order, keep_mask = order.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        for start in range(0, len(order), self._recipe.batch_size):
            positions = slice(start, start + self._recipe.batch_size)
            batch = order[positions]
            outputs = network(self._images[batch], keep_mask[positions])
            loss = self._recipe.mean_loss(outputs, self._labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(batch)
        return total.item() / len(order)


class StackedTrainer:
    """Networks trained batched: their weights stacked along a first axis, one Adam for all.

    Adam works on each number by itself, so networks share nothing but the device's time.
    """

    def __init__(
        self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages, device: str
    ) -> None:
        self._networks = [network.to(device) for network in networks]
        self._parameters = batched.stack(networks)
        self._optimiser = torch.optim.Adam(self._parameters.values(), lr=recipe.learning_rate)
        self._recipe = recipe
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    @_full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        orders, keep_mask = orders.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros(len(orders), dtype=torch.float64, device=orders.device)
        for start in range(0, orders.shape[1], self._recipe.batch_size):
            batch = slice(start, start + self._recipe.batch_size)
            losses = self._losses(orders[:, batch], keep_mask[:, batch])
            self._optimiser.zero_grad()
            losses.sum().backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()
            total += losses.detach() * orders[:, batch].shape[1]
        self._hand_back()
        return (total / orders.shape[1]).tolist()

    def _losses(
        self,
        batches: Int64[Tensor, "networks batch"],
        keep_mask: Bool[Tensor, "networks batch 22"],
    ) -> Float[Tensor, " networks"]:
        def loss(
            parameters: dict[str, Tensor], images: Tensor, labels: Tensor, keep_mask: Tensor
        ) -> Tensor:
            outputs = functional_call(self._networks[0], parameters, (images, keep_mask))
            return self._recipe.mean_loss(outputs, labels)

        losses: Tensor = vmap(loss)(
            self._parameters, self._images[batches], self._labels[batches], keep_mask
        )
        return losses

    @torch.no_grad()
    def _hand_back(self) -> None:
        for i, network in enumerate(self._networks):
            for name, parameter in network.named_parameters():
                parameter.copy_(self._parameters[name][i])
