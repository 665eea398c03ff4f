"""Rotating images in one batch, compared with one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import pil_to_tensor, rotate, to_pil_image

from benchmarks.tasks.shifts import rotated

IMAGES = torch.rand(2000, 1, 28, 28, generator=torch.Generator().manual_seed(0))

Measure = Callable[..., None]


@pytest.mark.benchmark(group="2,000 images rotated by 30 degrees")
class TestRotation:
    def test_image_by_image_in_pillow(self, measure: Measure) -> None:
        def work() -> Tensor:
            pillow = (to_pil_image(image) for image in IMAGES)
            ours = [rotate(each, 30.0, InterpolationMode.BILINEAR) for each in pillow]
            return torch.stack([pil_to_tensor(each) for each in ours]) / 255

        measure(work, images=len(IMAGES))

    def test_image_by_image(self, measure: Measure) -> None:
        measure(lambda: torch.cat([rotated(i, 30) for i in IMAGES[:, None]]), images=len(IMAGES))

    def test_suite(self, measure: Measure) -> None:
        measure(lambda: rotated(IMAGES, 30), images=len(IMAGES))
