"""Test-time augmentation: one network looks at several versions of each image."""

from __future__ import annotations

from typing import Self, Unpack

import torch
from torch import Tensor, nn

from methods.given import GivenArguments, require_count
from methods.interface import LONG_PRESETS
from methods.pooled import PoolArguments
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

    def __init__(self, *, views: int = len(VERSIONS), **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.views = _possible(views)

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        *,
        views: int = len(VERSIONS),
        **given: Unpack[GivenArguments],
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere.

        Args:
            module, given: see `Softmax.from_network`; images are
                [images, channels, height, width].
            views: how many versions are looked at.

        Raises:
            ValueError: as `Softmax.from_network`; or there are not so many versions.
        """
        return cls.of_modules([module], given, views=views)

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
