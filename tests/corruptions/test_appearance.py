"""Noise, tones, edges, blur and weather: against moments, libraries, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson
from skimage.color import gray2rgb, hsv2rgb, rgb2gray, rgb2hsv
from skimage.filters import gaussian

from benchmarks.corruptions import appearance
from benchmarks.corruptions.appearance import (
    NEIGHBOURS,
    brightness,
    canny_edges,
    fog,
    glass_blur,
    impulse_noise,
    landscapes,
    motion_blur,
    shot_noise,
    spatter,
    stripe,
)
from benchmarks.corruptions.corruption import Images
from tests.corruptions.support import Drawn, generator, grey, random_images


@pytest.mark.parametrize("value", [0.2, 0.5, 1.0])
def test_shot_noise_counts_photons_up_to_three(value: float) -> None:
    noisy = shot_noise(grey(value, 100), generator())
    expected = [*poisson.pmf([0, 1, 2], 3 * value), poisson.sf(2, 3 * value)]
    counts, shares = np.unique(np.rint(3 * noisy), return_counts=True)
    assert counts.tolist() == [0, 1, 2, 3]
    assert shares / noisy.size == pytest.approx(expected, abs=0.006)


def test_impulse_noise_breaks_17_percent_of_the_pixels_half_of_them_white() -> None:
    noisy = impulse_noise(grey(0.5, 100), generator())
    assert np.unique(noisy).tolist() == [0, 0.5, 1]
    for value in (0, 1):
        assert (noisy == value).mean() == pytest.approx(0.085, abs=0.004)


def test_brightness_is_the_value_of_the_colour() -> None:
    """As the paper's code has it: by way of hue, saturation and value."""
    (image,) = images = random_images(1)
    colour = rgb2hsv(gray2rgb(image))
    colour[..., 2] = (colour[..., 2] + 0.5).clip(0, 1)
    expected = rgb2gray(hsv2rgb(colour))
    np.testing.assert_allclose(brightness(images, generator())[0], expected, atol=1e-12)


def test_stripe_inverts_seven_columns_at_either_side() -> None:
    striped = stripe(grey(0.2), generator())
    np.testing.assert_allclose(striped[0, 13], [0.8] * 7 + [0.2] * 14 + [0.8] * 7)
    assert (striped == striped[:, :1]).all()


@pytest.mark.parametrize(("height", "found"), [(0.07, False), (0.09, True), (1.0, True)])
def test_step_is_an_edge_from_a_height_of_0_078(height: float, found: bool) -> None:
    """Sobel's operator is 4 (g(0) + g(1)) = 2.56 times as high, by the Gaussian g of one pixel.

    The upper threshold is 0.2.
    """
    image = grey(0.0)
    image[0, :, 14:] = height
    (edges,) = canny_edges(image, generator())
    assert edges[5:23, 13:15].any() == found
    if found:
        assert (edges[5:23].sum(axis=1) <= 2).all()
        assert edges[5:23, 13:15].any(axis=1).all()


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


def test_motion_blur_has_an_angle_for_each_image_up_to_45_degrees_either_way() -> None:
    images = grey(0.0, 300)
    images[:, 14, 20] = 1
    blurred = motion_blur(images, generator()) > 1e-3
    rows = np.flatnonzero(blurred.any(axis=(0, 2)))
    # At 45°, 11 pixels of the line have a weight of more than 0.001: 10 / √2 = 7.07 rows.
    assert (rows.min(), rows.max()) == (14 - 7, 14 + 7)
    assert len(np.unique(blurred, axis=0)) > 20


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


def test_mud_is_drops_of_one_grey() -> None:
    (image,) = images = random_images(1)
    liquid = gaussian(generator().normal(0.65, 0.3, size=(1, 28, 28))[0], sigma=1)
    mud = gaussian((liquid > 0.65).astype(float), sigma=1.5)
    mud[mud < 0.8] = 0
    expected = image * (1 - mud) + 63 / 255 * mud
    np.testing.assert_allclose(spatter(images, generator())[0], expected, atol=1e-12)
