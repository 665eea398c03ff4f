"""Test-time augmentation: one network looks at several versions of each image."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from methods.given_networks.requirements import require_count
from methods.interface import LONG_PRESETS
from methods.networks.pool import NetworkPool
from methods.posthoc.moved_images import VERSIONS, moved
from methods.softmax import Softmax


class Augmentation(Softmax):
    """Test-time augmentation (Ayhan & Berens 2018): members are predictions of moved images.

    p̄ = 1/V Σ_v softmax(f(a_v(x))). The versions a_v are fixed small shifts and rotations, by
    bilinear interpolation, with zeros around the image.

    Args:
        views: V, how many of `VERSIONS` are looked at, in their order.
    """

    name = "test_time_augmentation"
    label = "Augmentation"
    in_text = "test-time augmentation"
    citation = "Ayhan & Berens 2018"
    group = "augmentation"
    size, sweep, symbol = "views", (len(VERSIONS),), "V"
    usual_sizes = sweep
    presets = LONG_PRESETS

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "cpu",
        pool: NetworkPool | None = None,
        replicate: int = 0,
        views: int = len(VERSIONS),
    ) -> None:
        super().__init__(seed=seed, device=device, pool=pool, replicate=replicate)
        self.views = _possible(views)

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        *,
        views: int = len(VERSIONS),
        features: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere.

        Args:
            module, features, device, batch_size: see `Softmax.from_network`; images are
                [images, channels, height, width].
            views: how many versions are looked at.

        Raises:
            ValueError: as `Softmax.from_network`; or there are not so many versions.
        """
        _possible(views)
        method = super().from_network(
            module, features=features, device=device, batch_size=batch_size
        )
        method.views = views
        return method

    @property
    def member_slice(self) -> slice:
        """Fewer versions are the first of more."""
        return slice(0, self.views)

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of each version, [V, images, classes]."""
        views = (moved(images, version) for version in VERSIONS[: self.views])
        return torch.cat([self.prepared.logits(view) for view in views])


def _possible(views: int) -> int:
    """So many versions.

    Raises:
        ValueError: there are not so many.
    """
    require_count("views", views)
    if views > len(VERSIONS):
        raise ValueError(f"views is {views}; expected at most {len(VERSIONS)}")
    return views
