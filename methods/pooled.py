"""The base classes of methods that take their networks from a pool."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from jaxtyping import Float
from torch import Tensor

from methods.engines.base import PreparedNetworks
from methods.engines.choice import choose_engine
from methods.interface import Prediction, UncertaintyMethod
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.pool import NetworkPool


class PooledMethod(UncertaintyMethod):
    """A method whose members are networks of a pool, or sub-networks of one of them.

    Args:
        pool: where the networks come from; by default a pool of its own, in memory.
        replicate: which of the pool's networks are used, and which random numbers drawn.

    Attributes:
        prepared: the engine's form of the networks; predictions are computed with it.
    """

    prepared: PreparedNetworks

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "cpu",
        pool: NetworkPool | None = None,
        replicate: int = 0,
    ) -> None:
        super().__init__(seed=seed, device=device)
        self.pool = pool or NetworkPool(seed=seed, engine=choose_engine(device=device))
        self.replicate = replicate

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses: by default one."""
        return range(self.replicate, self.replicate + 1)

    @property
    def fitted(self) -> list[LeNet5]:
        """The trained networks. To assign them prepares them: assign changed ones anew."""
        return self._fitted

    @fitted.setter
    def fitted(self, networks: list[LeNet5]) -> None:
        self._fitted, self.prepared = networks, self.pool.engine.prepare(networks)

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Train the networks, or take them from the pool where they are trained already."""
        self.fitted = self.pool.networks(self.networks, LabelledImages(images, labels))
        return self


class MemberMethod(PooledMethod):
    """A pooled method with one prediction for each member, by default for each network.

    Methods of different sizes can share these: the members of a smaller one are those at
    `member_slice` of the largest.
    """

    @property
    @abstractmethod
    def member_slice(self) -> slice:
        """The positions of its members among those of the largest method that has them too."""

    def member_logits(
        self, images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "members images 10"]:
        """The logits of each member for each image."""
        return self.prepared.logits(images)

    def predict(self, images: Tensor) -> Prediction:
        """The members' prediction of each image."""
        return Prediction.of_logits(self.member_logits(images))
