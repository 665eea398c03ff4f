"""Affine maps against bilinear interpolation written out, and against scikit-image."""

from __future__ import annotations

from math import cos, sin

import numpy as np
import pytest
from skimage.transform import AffineTransform, warp

from benchmarks.corruptions.corruption import Function, Images
from benchmarks.corruptions.geometry import rotate, scale, shear, translate
from tests.corruptions.support import Drawn, generator, grey, random_images

MATRICES = {
    shear: lambda s: [[1, -sin(0.4 * s)], [0, cos(0.4 * s)]],
    rotate: lambda s: [[cos(0.4 * s), -sin(0.4 * s)], [sin(0.4 * s), cos(0.4 * s)]],
    scale: lambda s: [[1 / 0.7, 0], [0, 1 / 0.7]],
}


def signed(*signs: int) -> Drawn:
    return Drawn(choice=lambda values, size: np.array(signs))


def bilinear(image: Images, matrix: list[list[float]]) -> Images:
    """Where each pixel (x, y) comes from, relative to the centre; black outside."""
    result = np.zeros((28, 28))
    for row in range(28):
        for column in range(28):
            x, y = np.array(matrix) @ [column - 13.5, row - 13.5] + 13.5
            for i in (int(np.floor(y)), int(np.floor(y)) + 1):
                for j in (int(np.floor(x)), int(np.floor(x)) + 1):
                    if 0 <= i < 28 and 0 <= j < 28:
                        share = (1 - abs(y - i)) * (1 - abs(x - j))
                        result[row, column] += share * image[i, j]
    return result


@pytest.mark.parametrize("function", MATRICES, ids=lambda function: function.__name__)
def test_map_is_bilinear_about_the_centre_and_goes_both_ways(function: Function) -> None:
    images = random_images(3)
    mapped = function(images, signed(1, -1, 1))
    for image, result, sign in zip(images, mapped, (1, -1, 1), strict=True):
        np.testing.assert_allclose(result, bilinear(image, MATRICES[function](sign)), atol=1e-9)


def test_rotation_is_that_of_scikit_image() -> None:
    (image,) = images = random_images(1)
    for sign in (-1, 1):
        moved = AffineTransform(translation=(-13.5, -13.5))
        turned = AffineTransform(rotation=0.4 * sign)
        back = AffineTransform(translation=(13.5, 13.5))
        expected = warp(image, moved + turned + back)
        np.testing.assert_allclose(rotate(images, signed(sign))[0], expected, atol=1e-9)


def test_shear_leans_a_vertical_line_and_makes_it_higher() -> None:
    image = grey(0.0)
    image[0, 4:24, 13:15] = 1
    sheared = shear(image, signed(1))[0]
    _, columns = np.mgrid[:28, :28] - 13.5
    upper, lower = (
        np.average(columns[part], weights=sheared[part]) for part in (np.s_[3:8], np.s_[20:25])
    )
    # x - y sin 0.4 is 0 along the line.
    assert (lower - upper) / 17 == pytest.approx(sin(0.4), abs=0.01)
    assert sheared.sum(axis=1).astype(bool).sum() == pytest.approx(20 / cos(0.4), abs=1.5)


def test_scaled_image_has_half_of_the_ink() -> None:
    image = grey(0.0)
    image[0, 4:24, 4:24] = 1
    assert scale(image, generator()).sum() == pytest.approx(400 * 0.49, rel=0.01)


@pytest.mark.parametrize(("down", "right"), [(-3, -3), (-3, 3), (3, -3), (3, 3)])
def test_translation_moves_by_three_pixels_into_a_corner(down: int, right: int) -> None:
    images = random_images(2)
    start = [[int(down < 0)] * 2, [int(right < 0)] * 2]
    moved = translate(images, Drawn(integers=lambda high, size: np.array(start)))
    expected = np.zeros_like(images)
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                expected[:, row, column] = images[:, row - down, column - right]
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize(
    ("function", "directions"), [(shear, 2), (rotate, 2), (translate, 4), (scale, 1)]
)
def test_directions_are_equally_likely(function: Function, directions: int) -> None:
    images = np.repeat(random_images(1), 400, axis=0)
    _, counts = np.unique(function(images, generator()), axis=0, return_counts=True)
    assert len(counts) == directions
    assert counts == pytest.approx([400 / directions] * directions, abs=50)
