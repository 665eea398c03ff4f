"""Rotation against exact quarters and against bilinear interpolation written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.tasks.shifts import rotated
from methods.networks.labelled_images import LabelledImages


def asymmetric() -> torch.Tensor:
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 3, 20] = 1.0
    image[0, 0, 5:9, 4] = 0.5
    return image


@pytest.mark.parametrize("quarters", [1, 2])
def test_quarter_rotations_are_exact_and_counter_clockwise(quarters: int) -> None:
    image = asymmetric()
    expected = torch.rot90(image, quarters, dims=(2, 3))
    torch.testing.assert_close(rotated(image, 90 * quarters), expected, atol=1e-5, rtol=0)
    # A point at the upper right comes to the upper left, and then to the lower left.
    assert expected[0, 0][[(7, 3), (24, 7)][quarters - 1]] == 1


def test_rotation_is_bilinear_about_the_centre() -> None:
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    angle = np.deg2rad(30)
    rows, columns = np.mgrid[:28, :28] - 13.5
    # Where each pixel comes from: it has been rotated counter-clockwise, with rows pointing down.
    from_columns = np.cos(angle) * columns - np.sin(angle) * rows + 13.5
    from_rows = np.sin(angle) * columns + np.cos(angle) * rows + 13.5
    expected = np.zeros((28, 28))
    for row in range(28):
        for column in range(28):
            down = 1 - np.abs(from_rows - row)
            right = 1 - np.abs(from_columns - column)
            expected += image[0, 0, row, column].item() * down.clip(0) * right.clip(0)
    # At the border torchvision fades into the fill in its own way.
    inside = (np.hypot(rows, columns) < 12).nonzero()
    actual = rotated(image, 30)[0, 0].numpy()
    np.testing.assert_allclose(actual[inside], expected[inside], atol=1e-4)


def test_what_comes_from_outside_is_black() -> None:
    white = torch.ones(2, 1, 28, 28)
    corner = rotated(white, 45)[:, 0, :4, :4]
    assert (corner == 0).all()
    assert rotated(white, 45).max() <= 1
    assert rotated(white, 45)[0, 0, 14, 14] == pytest.approx(1)


def test_all_images_are_rotated_alike(test_images: LabelledImages) -> None:
    images = test_images.images[:5]
    alone = torch.cat([rotated(image[None], 75) for image in images])
    torch.testing.assert_close(rotated(images, 75), alone)
