"""Rotate images about their centre; the conditions of rotated test images."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from jaxtyping import Float
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import rotate

from benchmarks.tasks.conditions import Condition


def rotated(
    images: Float[Tensor, "images channels height width"], angle: float
) -> Float[Tensor, "images channels height width"]:
    """The images rotated counter-clockwise by degrees: bilinear, black outside of the original."""
    result: Tensor = rotate(images, float(angle), InterpolationMode.BILINEAR, fill=[0.0])
    return result


def rotations(
    data: str,
    angles: Iterable[int],
    *,
    valid_to: int,
    reason: str,
    with_subset: Iterable[int] = (),
) -> tuple[Condition, ...]:
    """A condition an angle in degrees, of the task's test images.

    Args:
        valid_to: the largest angle at which a label is as right as before.
        reason: why labels are ill-defined beyond.
        with_subset: the angles at which slow methods are evaluated on a subset.
    """
    return tuple(
        Condition(
            name=f"rotated-{angle:03d}",
            label=f"{angle}°",
            group="rotated",
            data=data,
            severity=angle,
            unit="degrees",
            labels="valid" if angle <= valid_to else "ill-defined",
            reason="" if angle <= valid_to else reason,
            has_subset=angle in with_subset,
            in_mean=angle <= valid_to,
            transform=partial(rotated, angle=angle),
        )
        for angle in angles
    )
