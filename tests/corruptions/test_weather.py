"""Fog and mud against loops over pixels and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.filters import gaussian

from benchmarks.corruptions import appearance
from benchmarks.corruptions.appearance import fog, landscapes, spatter
from tests.corruptions.support import generator, grey, random_images


def diamond_square(draws: np.random.Generator, side: int = 256) -> NDArray[np.float64]:
    """One point after another, as its definition says; periodic."""
    heights = np.zeros((side, side))
    step, wibble = side, 100.0

    def midpoints(first_row: int, first_column: int, corners: list[tuple[int, int]]) -> None:
        count = side // step
        uniform = draws.random((1, count, count), dtype=np.float32)[0]
        for i in range(count):
            for j in range(count):
                row, column = first_row + i * step, first_column + j * step
                four = [heights[(row + r) % side, (column + c) % side] for r, c in corners]
                heights[row, column] = sum(four) / 4 + wibble**2 * (2 * uniform[i, j] - 1)

    while step > 1:
        half = step // 2
        midpoints(half, half, [(-half, -half), (-half, half), (half, -half), (half, half)])
        cross = [(-half, 0), (half, 0), (0, -half), (0, half)]
        midpoints(0, half, cross)
        midpoints(half, 0, cross)
        step, wibble = half, wibble / 1.4
    return (heights - heights.min()) / (heights.max() - heights.min())


def test_heights_are_those_of_the_diamond_square_algorithm() -> None:
    np.testing.assert_allclose(
        landscapes(1, generator())[0], diamond_square(generator()), atol=1e-5
    )


def test_fog_lies_over_the_image_by_its_definition() -> None:
    (image,) = images = random_images(1)
    thickness = landscapes(1, generator())[0, :28, :28]
    expected = (image + 3 * thickness) * image.max() / (image.max() + 3)
    np.testing.assert_allclose(fog(images, generator())[0], expected, atol=1e-6)


def test_fog_of_many_images_is_of_as_many_landscapes() -> None:
    images = grey(1.0, appearance.AT_ONCE + 2)
    foggy = fog(images, generator())
    assert len(np.unique(foggy, axis=0)) == len(images)
    assert ((foggy >= 1 / 4) & (foggy <= 1)).all()


def test_fog_leaves_a_black_image_black() -> None:
    assert not fog(grey(0.0), generator()).any()


def test_mud_is_drops_of_one_grey() -> None:
    (image,) = images = random_images(1)
    liquid = gaussian(generator().normal(0.65, 0.3, size=(1, 28, 28))[0], sigma=1)
    mud = gaussian((liquid > 0.65).astype(float), sigma=1.5)
    mud[mud < 0.8] = 0
    expected = image * (1 - mud) + 63 / 255 * mud
    np.testing.assert_allclose(spatter(images, generator())[0], expected, atol=1e-12)


def test_mud_covers_some_of_a_white_image() -> None:
    muddy = spatter(grey(1.0, 100), generator())
    assert muddy.min() == pytest.approx(63 / 255, abs=0.01)
    assert 0.1 < (muddy < 1).mean() < 0.3
