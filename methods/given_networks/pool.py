"""Given networks where a method expects a pool of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import nn

from methods.engines.torch import TorchEngine, TorchNetworks
from methods.given_networks.network import GivenNetwork
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.pool import NetworkPool


@dataclass(frozen=True)
class GivenEngine(TorchEngine):
    """PyTorch, network after network, as they are: each may be of its own architecture.

    Attributes:
        batch_size: how many images are computed in one batch.
    """

    batch_size: int = 64

    def prepare(self, networks: Sequence[Network]) -> TorchNetworks:
        """The networks themselves, which are on the device already."""
        return TorchNetworks(networks, self.device, stacked=False, most=self.batch_size)


@dataclass(frozen=True)
class GivenPool(NetworkPool):
    """A pool that holds the given networks, and gives them to whoever asks.

    Attributes:
        given: the networks.
    """

    given: tuple[GivenNetwork, ...] = ()

    @classmethod
    def of(
        cls, modules: Sequence[nn.Module], *, features: str | None, device: str, batch_size: int
    ) -> Self:
        """Copies of these modules on the device; see `GivenNetwork`."""
        networks = (GivenNetwork(one, features=features, device=device) for one in modules)
        return cls(engine=GivenEngine(device, batch_size), given=tuple(networks))

    def networks(self, indices: Sequence[int], training: LabelledImages) -> list[Network]:
        """All of them, trained elsewhere; the training images are not looked at."""
        return list(self.given)
