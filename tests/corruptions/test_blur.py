"""Blur against scikit-image, ImageMagick and loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import gaussian

from benchmarks.corruptions.appearance import NEIGHBOURS, glass_blur, motion_blur
from benchmarks.corruptions.corruption import Images
from tests.corruptions.support import Drawn, generator, grey, random_images


def with_columns_as_colours(image: Images) -> Images:
    """What ``multichannel=True`` does to a grey image; it is called otherwise by now."""
    blurred: Images = gaussian(image, sigma=0.7, channel_axis=-1)
    return blurred


def shuffled(image: Images, draw: int) -> Images:
    """As the paper's code, with one draw for all pixels, which says what to exchange them with."""
    pixels = image.copy()
    down, right = [(0, 0), (0, -1), (-1, 0), (-1, -1)][draw - 4] if draw > 4 else (0, 0)
    for _ in range(2):
        for row in range(27, 1, -1):
            for column in range(27, 1, -1):
                one, other = (row, column), (row + down, column + right)
                pixels[one], pixels[other] = pixels[other], pixels[one]
    return pixels


@pytest.mark.parametrize("draw", range(8))
def test_glass_blur_exchanges_pixels_between_two_blurs(draw: int) -> None:
    images = random_images(2)
    drawn = Drawn(integers=lambda high, size, dtype: np.full(size, draw, dtype=dtype))
    for image, blurred in zip(images, glass_blur(images, drawn), strict=True):
        first = np.floor(255 * with_columns_as_colours(image)) / 255
        expected = with_columns_as_colours(shuffled(first, draw))
        np.testing.assert_allclose(blurred, expected, atol=1e-12)


def test_glass_blur_exchanges_with_each_neighbour_as_often() -> None:
    """In one half of the cases with none, else with one of four, the pixel itself among them."""
    distances, counts = np.unique(NEIGHBOURS, return_counts=True)
    assert dict(zip(distances.tolist(), counts / len(NEIGHBOURS), strict=True)) == {
        0: 1 / 2 + 1 / 8,
        **dict.fromkeys((1, 28, 29), 1 / 8),
    }


def test_glass_blur_is_another_for_each_image() -> None:
    blurred = glass_blur(np.repeat(random_images(1), 20, axis=0), generator())
    assert len(np.unique(blurred, axis=0)) == 20
    # The first two rows and columns are exchanged with others, but by no turn of their own.
    assert blurred.sum(axis=(1, 2)) == pytest.approx(blurred[0].sum(), rel=0.02)


def test_glass_blur_leaves_one_grey_as_it_is() -> None:
    np.testing.assert_allclose(glass_blur(grey(0.6), generator()), 0.6, atol=1e-12)


IMAGEMAGICK = {
    30: {
        **{(10, 13): 1, (11, 14): 3, (11, 15): 8, (12, 16): 14, (12, 17): 24},
        **{(13, 17): 36, (13, 18): 47, (14, 19): 56, (14, 20): 59},
    },
    -17: {
        **{(16, 12): 1, (16, 13): 3, (16, 14): 8, (15, 15): 14, (15, 16): 24},
        **{(15, 17): 36, (15, 18): 47, (14, 19): 56, (14, 20): 59},
    },
}
"""What ImageMagick 7.1.1 makes of a white pixel (14, 20) by `-motion-blur 10x3+30`, and `-17`."""


def at_angle(degrees: float) -> Drawn:
    return Drawn(uniform=lambda low, high, size: np.full(size, degrees))


@pytest.mark.parametrize("angle", IMAGEMAGICK)
def test_motion_blur_is_that_of_imagemagick(angle: int) -> None:
    image = grey(0.0)
    image[0, 14, 20] = 1
    blurred = np.rint(255 * motion_blur(image, at_angle(angle))[0])
    expected = np.zeros((28, 28))
    for place, value in IMAGEMAGICK[angle].items():
        expected[place] = value
    # It rounds within, too.
    np.testing.assert_allclose(blurred, expected, atol=1)


@pytest.mark.parametrize("angle", [-45, -20.5, 0, 33, 45])
def test_motion_blur_is_a_weighted_mean_along_the_line(angle: float) -> None:
    (image,) = images = random_images(1)
    (blurred,) = motion_blur(images, at_angle(angle))
    weights = [np.exp(-(i**2) / 18) for i in range(21)]
    for row, column in [(0, 0), (13, 14), (27, 27), (5, 22), (20, 3)]:
        total = 0.0
        for i, weight in enumerate(weights):
            down = int(np.ceil(i * np.sin(np.radians(angle)) - 0.5))
            right = int(np.ceil(i * np.cos(np.radians(angle)) - 0.5))
            total += weight * image[min(max(row + down, 0), 27), min(max(column + right, 0), 27)]
        assert blurred[row, column] == pytest.approx(total / sum(weights))


def test_motion_blur_has_an_angle_for_each_image_up_to_45_degrees_either_way() -> None:
    images = grey(0.0, 300)
    images[:, 14, 20] = 1
    blurred = motion_blur(images, generator()) > 1e-3
    rows = np.flatnonzero(blurred.any(axis=(0, 2)))
    # At 45°, 11 pixels of the line have a weight of more than 0.001: 10 / √2 = 7.07 rows.
    assert (rows.min(), rows.max()) == (14 - 7, 14 + 7)
    assert len(np.unique(blurred, axis=0)) > 20
