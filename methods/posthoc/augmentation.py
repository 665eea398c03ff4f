"""Test-time augmentation: one network looks at several versions of each image."""

from __future__ import annotations

import math
from typing import NamedTuple, Unpack

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from methods.given import require_count
from methods.pooled import PoolArguments
from methods.softmax import Softmax


class Version(NamedTuple):
    """How an image is moved: turned counter-clockwise, then by pixels to the right and down."""

    right: float = 0.0
    down: float = 0.0
    degrees: float = 0.0


VERSIONS = (
    Version(),
    *(Version(right=0.5), Version(right=-0.5), Version(down=0.5), Version(down=-0.5)),
    *(Version(degrees=2.5), Version(degrees=-2.5), Version(degrees=5), Version(degrees=-5)),
)
"""The image itself first."""


class Augmentation(Softmax):
    """Test-time augmentation (Ayhan & Berens 2018): members are predictions of moved images.

    p̄ = 1/V Σ_v softmax(f(a_v(x))). The versions a_v are fixed small shifts and rotations, by
    bilinear interpolation, with zeros around the image.

    The setting ``strength`` multiplies their distances and angles.

    Args:
        views: V, how many of `VERSIONS` are looked at, in their order.

    Raises:
        ValueError: there are not so many versions.
    """

    name = "test_time_augmentation"
    label = "Augmentation"
    citation = "Ayhan & Berens 2018"
    group = "augmentation"
    size = "views"
    sweep = usual_sizes = (len(VERSIONS),)
    strength: float = 1.0

    def __init__(self, *, views: int = len(VERSIONS), **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        require_count("views", views)
        if views > len(VERSIONS):
            raise ValueError(f"views is {views}; expected at most {len(VERSIONS)}")
        self.views = views

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of each version, [V, images, classes]."""
        versions = (Version(*(self.strength * part for part in v)) for v in VERSIONS[: self.views])
        views = (moved(images, version) for version in versions)
        return torch.cat([self.prepared.logits(view) for view in views])


def moved(
    images: Float[Tensor, "images channels height width"], version: Version
) -> Float[Tensor, "images channels height width"]:
    """The images, turned and shifted; zero where they have no pixel.

    >>> moved(torch.tensor([[[[0.0, 0.5, 1.0]]]]), Version(right=0.5))
    tensor([[[[0.0000, 0.2500, 0.7500]]]])
    """
    if version == Version():
        return images
    height, width = images.shape[-2:]
    angle = math.radians(version.degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # Where each pixel comes from, in coordinates from -1 to 1 along both sides.
    rotation = torch.tensor([[cos, -sin * height / width], [sin * width / height, cos]])
    shift = torch.tensor([[2 * version.right / width], [2 * version.down / height]])
    matrix = torch.cat([rotation, -rotation @ shift], dim=1).to(images)
    grid = affine_grid(matrix[None], [1, 1, height, width], align_corners=False)
    # As channels of one image, since the grid and its weights are then computed once.
    planes = images.flatten(end_dim=1)[None]
    return grid_sample(planes, grid, align_corners=False).reshape(images.shape)
