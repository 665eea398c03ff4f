"""SWAG: a Gaussian fitted to the weights along further epochs of training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self, Unpack

from torch import Tensor, nn

from methods.given import GivenArguments, copied, require_count, require_modules
from methods.interface import LONG_PRESETS
from methods.networks.labelled_images import LabelledImages
from methods.networks.trajectory import Trajectory
from methods.pooled import MemberMethod, PoolArguments
from methods.posthoc.posteriors.of_snapshots import drawn_networks
from methods.seeds import derive_seed

TRAJECTORY = Trajectory("swag", snapshots=20, epochs=1, cyclic=False, continued=True)
SAMPLES = 30


class SWAG(MemberMethod):
    """SWA-Gaussian (Maddox et al. 2019): networks drawn from a Gaussian over the weights.

    From the trained network on, 20 more epochs at the recipe's learning rate, constant, each giving
    a snapshot; then samples of the `Gaussian` are the members. By the recipe's own optimiser, Adam,
    where the paper has SGD. Batch normalisation gets new statistics for each sample.

    Args:
        samples: S, how many networks are drawn.
    """

    name = "swag"
    label = "SWAG"
    citation = "Maddox et al. 2019"
    group = "snapshots"
    needs = frozenset({"training"})
    size, sweep, symbol = "samples", (SAMPLES,), "S"
    usual_sizes: ClassVar[tuple[int, ...]] = sweep
    feature_scores = False
    presets = LONG_PRESETS

    def __init__(self, *, samples: int = SAMPLES, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.samples = samples

    @classmethod
    def from_networks(
        cls,
        modules: Iterable[nn.Module],
        images: Tensor,
        *,
        samples: int = SAMPLES,
        seed: int = 0,
        **given: Unpack[GivenArguments],
    ) -> Self:
        """The method, fitted, of snapshots that a user's training has left, in their order.

        Args:
            modules: of one architecture.
            images: those that they were trained on, for batch normalisation.
            samples, seed: how many networks are drawn, and from which random numbers.
            given: see `Softmax.from_network`.

        Raises:
            ValueError: as `Softmax.from_network`; or they are too few, or do not differ.
        """
        require_count("samples", samples)
        snapshots = [copied(one) for one in require_modules(modules)]
        drawn = drawn_networks(snapshots, images, samples, derive_seed(cls.name, seed, 0))
        return cls.of_modules(drawn, given, seed=seed, samples=samples)

    @property
    def trajectory(self) -> Trajectory:
        """The further epochs."""
        return TRAJECTORY

    @property
    def member_slice(self) -> slice:
        """Fewer samples are the first of more."""
        return slice(0, self.samples)

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Train on, or take the snapshots from the pool's store, and draw the networks.

        Raises:
            ValueError: the snapshots do not differ. Others as of `NetworkPool.snapshots`.
        """
        training = LabelledImages(images, labels)
        snapshots = self.pool.snapshots(TRAJECTORY, self.replicate, training)
        seed = derive_seed(self.name, self.seed, self.replicate)
        self.fitted = drawn_networks(snapshots, images, self.samples, seed)
        return self
