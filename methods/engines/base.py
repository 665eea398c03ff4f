"""What every engine does: train networks and predict with them, equally up to rounding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from methods.networks.network import Network
from methods.networks.recipes import LabelledImages, Recipe
from methods.shapes import Images, KeepMask, Logits, MemberLogits

Adopted = TypeVar("Adopted", bound=nn.Module)


class Trainer(Protocol):
    """Networks in training, independent of each other, with the state of their optimisers."""

    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        rates: Sequence[float] | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order, in batches; their mean losses.

        ``keep_mask``: the channels that dropout keeps at each position of an order. The networks
        are changed in place. ``rates``: of learning, one a step, instead of the recipe's.
        """


class NetworkOutputs(NamedTuple):
    """Outputs of one forward of networks, dropout off.

    Attributes:
        logits: of each network.
        features: its penultimate layer; ``None`` where only logits are known.
    """

    logits: MemberLogits
    features: Float[Tensor, "networks images width"] | None = None


class PreparedNetworks(Protocol):
    """Networks of one recipe in the form in which an engine predicts with them.

    Threads may share it. Later changes of the networks' weights do not reach it.
    """

    def logits(self, images: Images, keep_mask: KeepMask | None = None) -> MemberLogits:
        """Logits of each network; ``keep_mask``: the channels that dropout keeps of each image."""

    def pass_logits(self, images: Images, passes: Tensor) -> MemberLogits:
        """Logits of the only network, all images in each of the passes; see `Network.passes`."""

    def outputs(self, images: Images) -> NetworkOutputs:
        """Logits, equal to those of `logits`, and features of each network, by one forward."""


class Engine(ABC):
    """Trains networks of a pool and computes their logits; small, and sent to workers as it is.

    Networks and results stay on the CPU wherever the engine computes.

    Attributes:
        device: where it computes.
    """

    device: str

    @property
    def trains_batched(self) -> bool:
        """Whether networks train batched, in one trainer; else in parallel, in workers."""
        return False

    def batches(self, networks: list[int]) -> list[list[int]]:
        """The numbers of these networks, in groups that are trained in one call each."""
        if not self.trains_batched:
            return [[number] for number in networks]
        return [networks] if networks else []

    @property
    @abstractmethod
    def name(self) -> str:
        """Name, version and device of what computes: part of a stored network's key."""

    @abstractmethod
    def trainer(self, networks: list[Network], recipe: Recipe, data: LabelledImages) -> Trainer:
        """Make the networks ready to be trained on these images by this recipe."""

    @abstractmethod
    def prepare(self, networks: Sequence[Network]) -> PreparedNetworks:
        """Make trained networks of one recipe ready to predict, once for many calls."""

    def adopted(self, module: Adopted) -> Adopted:
        """A module that gives the same, of which the engine computes the networks' features.

        By default it is the module itself. Gradients are by parameters, not by images.
        """
        return module

    def logits(self, network: Network, images: Images, keep_mask: KeepMask | None = None) -> Logits:
        """Logits of one network; see `PreparedNetworks`."""
        return self.prepare([network]).logits(images, keep_mask)[0]

    def pass_logits(self, network: Network, images: Images, passes: Tensor) -> MemberLogits:
        """Logits in each of the passes; see `PreparedNetworks`."""
        return self.prepare([network]).pass_logits(images, passes)
