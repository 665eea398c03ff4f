"""Rotate images about their centre."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import rotate


def rotated(images: Float[Tensor, "images 1 28 28"], angle: int) -> Float[Tensor, "images 1 28 28"]:
    """The images rotated counter-clockwise by degrees: bilinear, black outside of the original."""
    if angle == 0:
        return images
    result: Tensor = rotate(images, float(angle), InterpolationMode.BILINEAR, fill=[0.0])
    return result
