"""Given networks where a method expects a pool of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from methods.engines.torch import TorchEngine, TorchNetworks
from methods.given_networks.network import GivenNetwork
from methods.given_networks.requirements import require_count, require_equal_widths
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.pool import NetworkPool
from methods.networks.trajectory import Trajectory


class GivenNetworks(TorchNetworks):
    """Networks of any architectures, one after the other."""

    def __init__(self, networks: Sequence[Network], device: str, *, most: int) -> None:
        super().__init__(networks, device, stacked=False, most=most)
        self._each = [TorchNetworks([one], device, stacked=False, most=most) for one in networks]

    def logits(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "networks images classes"]:
        """Logits of each network; there are no masks of channels.

        Raises:
            ValueError: they differ in their number of classes.
        """
        logits = [one.logits(images) for one in self._each]
        require_equal_widths("classes", logits)
        return torch.cat(logits)

    def features(
        self, images: Float[Tensor, "images ..."]
    ) -> Float[Tensor, "networks images width"]:
        """Each network's penultimate layer, dropout off.

        Raises:
            ValueError: they differ in width.
        """
        features = [one.features(images) for one in self._each]
        require_equal_widths("features", features)
        return torch.cat(features)


@dataclass(frozen=True)
class GivenEngine(TorchEngine):
    """PyTorch, network after network, as they are: each may be of its own architecture.

    Attributes:
        batch_size: how many images are computed in one batch.
    """

    batch_size: int = 64

    def prepare(self, networks: Sequence[Network]) -> GivenNetworks:
        """The networks themselves, which are on the device already."""
        return GivenNetworks(networks, self.device, most=self.batch_size)


@dataclass(frozen=True)
class GivenPool(NetworkPool):
    """A pool that holds the given networks, and gives them to whoever asks.

    Attributes:
        given: the networks.
    """

    given: tuple[GivenNetwork, ...] = ()

    @classmethod
    def of(
        cls, modules: Iterable[nn.Module], *, features: str | None, device: str, batch_size: int
    ) -> Self:
        """Copies of these modules on the device; see `GivenNetwork`.

        Raises:
            ValueError: a module or the batch size is not as it must be.
        """
        require_count("batch_size", batch_size)
        networks = (GivenNetwork(one, features=features, device=device) for one in modules)
        return cls(engine=GivenEngine(device, batch_size), given=tuple(networks))

    def networks(self, indices: Sequence[int], training: LabelledImages) -> list[Network]:
        """All of them, trained elsewhere; the training images are not looked at."""
        return list(self.given)

    def snapshots(
        self, trajectory: Trajectory, index: int, training: LabelledImages
    ) -> list[Network]:
        """All of them, which are the snapshots; the training images are not looked at.

        Raises:
            ValueError: the trajectory goes on with the training of a network.
        """
        if trajectory.continued:
            raise ValueError(
                "the networks were trained elsewhere, so their training cannot go on; the method "
                "is fitted already"
            )
        return list(self.given)
