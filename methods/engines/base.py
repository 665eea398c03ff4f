"""What trains a network and asks it: the same numbers up to rounding, at different speeds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import Recipe


class Trainer(Protocol):
    """Networks in training, each on its own, with the state of their optimisers."""

    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        kept: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order, in batches; their mean losses.

        ``kept``: the channels that dropout keeps at each position of an order. The networks are
        changed in place.
        """


class Engine(ABC):
    """Trains networks of a pool and computes their logits; small, and sent to workers as it is.

    Images and results lie on the CPU wherever the engine computes.

    Attributes:
        device: where it computes.
    """

    device: str

    @property
    def trains_batched(self) -> bool:
        """Whether networks train at once, in one trainer, or better side by side in workers."""
        return False

    @property
    @abstractmethod
    def name(self) -> str:
        """What computes, with its version and device: part of a stored network's key."""

    @abstractmethod
    def trainer(self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages) -> Trainer:
        """Make the networks ready to be trained on these images by this recipe."""

    @abstractmethod
    def logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        kept: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """The network's logits; ``kept``: the channels that dropout keeps of each image."""

    def ensemble_logits(
        self, networks: Sequence[LeNet5], images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "networks images 10"]:
        """Logits of each network, dropout off; the networks are of one recipe."""
        return torch.stack([self.logits(network, images) for network in networks])

    @abstractmethod
    def pass_logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        masks: Bool[Tensor, "passes 22"],
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of one pass a mask; a pass's mask is shared by all images."""
