"""What trains a network and asks it: the same numbers up to rounding, at different speeds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from methods.labelled_images import LabelledImages
from methods.lenet5 import LeNet5
from methods.recipes import Recipe


class Trainer(Protocol):
    """A network in training, with the state of its optimiser."""

    def epoch(self, order: Int64[Tensor, " images"], kept: Bool[Tensor, "images 22"]) -> float:
        """One pass over the images in this order, in batches; returns the mean loss.

        ``kept``: the channels that dropout keeps at each position of the order. The network is
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
    @abstractmethod
    def name(self) -> str:
        """What computes, with its version and device: part of a stored network's key."""

    @abstractmethod
    def trainer(self, network: LeNet5, recipe: Recipe, data: LabelledImages) -> Trainer:
        """Make the network ready to be trained on these images by this recipe."""

    @abstractmethod
    def logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        kept: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """The network's logits; ``kept``: the channels that dropout keeps of each image."""

    @abstractmethod
    def pass_logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        masks: Bool[Tensor, "passes 22"],
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of one pass a mask; a pass's mask is shared by all images."""
