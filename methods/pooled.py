"""What the methods that take their networks from a pool have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from jaxtyping import Float
from torch import Tensor

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
    """

    fitted: list[LeNet5]

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

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Train the networks, or take them from the pool where they are trained already."""
        self.fitted = self.pool.networks(self.networks, LabelledImages(images, labels))
        return self


class MemberMethod(PooledMethod):
    """A pooled method that asks each of its members.

    What the members say can be shared: a smaller method of the same kind asks some of the same
    members, those at `place`.
    """

    @property
    @abstractmethod
    def member_slice(self) -> slice:
        """Where its members stand among those of the largest method that has them too."""

    @abstractmethod
    def member_logits(
        self, images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "members images 10"]:
        """What each member says of each image."""

    def predict(self, images: Tensor) -> Prediction:
        """What the members think of each image."""
        return Prediction.of_logits(self.member_logits(images))
