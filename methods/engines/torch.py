"""The reference engine: plain PyTorch over tensors in memory, on any device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from methods.engines.base import Engine
from methods.engines.trainers import (
    LoopTrainer,
    StackedTrainer,
    ensemble_logits,
    full_float32,
    stack,
)
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.recipes import Recipe

ON_THE_CPU, ELSEWHERE = 100, 2**14
"""Members times images computed in one batch, to bound the memory of activations.

With LeNet-5 it is 1.3 GB at most: each takes some 40 kB in a network, and 80 kB where the terms of
sub-networks are made. On a CPU larger batches fall out of its caches.
"""


@contextmanager
def _predicting() -> Iterator[None]:
    """Without gradients, and in full float32; what is returned may be learned from."""
    with torch.no_grad(), full_float32():
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
        self, networks: list[Network], recipe: Recipe, data: LabelledImages
    ) -> LoopTrainer | StackedTrainer:
        """Network after network on the CPU, and everywhere if they have buffers; else batched."""
        buffers = any(True for _ in networks[0].buffers())
        kind = StackedTrainer if self.trains_batched and not buffers else LoopTrainer
        return kind(networks, recipe, data, self.device)

    def prepare(self, networks: Sequence[Network]) -> TorchNetworks:
        """Copy them to the device, and stack several there."""
        copies = [deepcopy(network).to(self.device).eval() for network in networks]
        most = ON_THE_CPU if self.device == "cpu" else ELSEWHERE
        return TorchNetworks(copies, self.device, stacked=self.trains_batched, most=most)


class TorchNetworks:
    """Networks on the device; see `PreparedNetworks`.

    Args:
        networks: in evaluation mode, on the device.
        stacked: whether several networks compute batched; else one after the other.
        most: how many members times images are computed in one batch.
    """

    def __init__(
        self, networks: Sequence[Network], device: str, *, stacked: bool, most: int
    ) -> None:
        self._device, self._networks, self._most = device, networks, most
        self._stack = stack(networks) if stacked and len(networks) > 1 else None

    @_predicting()
    def logits(
        self,
        images: Float[Tensor, "images ..."],
        keep_mask: Bool[Tensor, "images channels"] | None = None,
    ) -> Float[Tensor, "networks images classes"]:
        """Logits of each network; ``keep_mask``: the channels that dropout keeps of each image."""
        if self._stack is not None and keep_mask is None:
            network, images = self._networks[0], images.to(self._device)
            return ensemble_logits(network, self._stack, images, most=self._most).cpu()
        batches: list[tuple[Tensor, ...]] = [(batch,) for batch in torch.split(images, self._most)]
        if keep_mask is not None:
            masks = torch.split(keep_mask, self._most)
            batches = [(*batch, mask) for batch, mask in zip(batches, masks, strict=True)]
        logits = [
            torch.cat([network(*(part.to(self._device) for part in batch)) for batch in batches])
            for network in self._networks
        ]
        return _stacked("classes", logits).cpu()

    @_predicting()
    def pass_logits(
        self, images: Float[Tensor, "images ..."], passes: Tensor
    ) -> Float[Tensor, "passes images classes"]:
        """Logits of the only network, its passes batched on any device."""
        (network,) = self._networks
        passes = passes.to(self._device)
        outputs = [
            network.subnetwork_logits(batch.to(self._device), passes, most=self._most).cpu()
            for batch in torch.split(images, self._most)
        ]
        return torch.cat(outputs, dim=1)

    @_predicting()
    def features(
        self, images: Float[Tensor, "images ..."]
    ) -> Float[Tensor, "networks images width"]:
        """Each network's penultimate layer, dropout off."""
        batches = torch.split(images, self._most)
        features = [
            torch.cat([network.features(batch.to(self._device)) for batch in batches])
            for network in self._networks
        ]
        return _stacked("features", features).cpu()


def _stacked(what: str, parts: Sequence[Tensor]) -> Tensor:
    """One for each network.

    Raises:
        ValueError: they differ in width; a user's own networks may be of any architecture.
    """
    widths = [part.shape[-1] for part in parts]
    if len(set(widths)) > 1:
        raise ValueError(
            f"the numbers of {what} of the networks are {', '.join(map(str, widths))}; expected "
            "the same for all"
        )
    return torch.stack(list(parts))
