"""Each corruption against its definition: moments, libraries, ImageMagick, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import atan, ceil, cos, floor, log, sin
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson
from skimage.color import gray2rgb, hsv2rgb, rgb2gray, rgb2hsv
from skimage.filters import gaussian

from benchmarks.corruptions import (
    CORRUPTIONS,
    Corruption,
    GreyImages,
    brightness,
    canny_edges,
    dotted_line,
    fog,
    glass_blur,
    impulse_noise,
    landscapes,
    line,
    motion_blur,
    rotate,
    scale,
    shear,
    shot_noise,
    spatter,
    stripe,
    translate,
    zigzag,
)
from methods.networks.recipes import LabelledImages


def grey(value: float, count: int = 1) -> GreyImages:
    return np.full((count, 28, 28), value)


def random_images(count: int, seed: int = 0) -> GreyImages:
    return np.random.default_rng(seed).integers(256, size=(count, 28, 28)) / 255


class Drawn(np.random.Generator):
    """A generator of which some distributions draw what a test says."""

    def __init__(self, **draw: Callable[..., Any]) -> None:
        super().__init__(np.random.PCG64(0))
        self.__dict__.update(draw)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


EACH = pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)


def test_each_draws_random_numbers_of_its_own() -> None:
    assert len({corruption.seed for corruption in CORRUPTIONS.values()}) == len(CORRUPTIONS)


@EACH
def test_every_image_is_changed_and_always_alike(
    corruption: Corruption, test_images: LabelledImages
) -> None:
    images = np.rint(255 * test_images.images[:200, 0].numpy()).astype(np.uint8)
    before = images.copy()
    corrupted = corruption.apply(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corruption.apply(images), corrupted)
    assert (corrupted.dtype, corrupted.shape) == (np.uint8, images.shape)
    change = np.abs(corrupted.astype(float) - images) / 255
    assert (change.max(axis=(1, 2)) > 0.1).all()


@EACH
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_values_stay_in_their_range(corruption: Corruption, value: float) -> None:
    """Beyond it, a byte would begin again from the other end."""
    corrupted = corruption.function(grey(value, 3), np.random.default_rng(0))
    assert corrupted.shape == (3, 28, 28)
    assert ((corrupted >= 0) & (corrupted <= 1)).all()


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \[images, 28, 28\]: corruptions are defined"):
        CORRUPTIONS["shear"].apply(np.zeros((2, 8, 8), np.uint8))


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


@pytest.mark.parametrize(("height", "is_edge"), [(0.07, False), (0.09, True)])
def test_step_is_an_edge_from_a_height_of_0_078(height: float, is_edge: bool) -> None:
    """Sobel's operator is 4 (g(0) + g(1)) = 2.56 times as high, by the Gaussian g of one pixel.

    The upper threshold is 0.2.
    """
    image = grey(0.0)
    image[0, :, 14:] = height
    (edges,) = canny_edges(image, generator())
    assert edges[5:23, 13:15].any() == is_edge
    if is_edge:
        assert (edges[5:23].sum(axis=1) <= 2).all()
        assert edges[5:23, 13:15].any(axis=1).all()


def with_columns_as_colours(image: GreyImages) -> GreyImages:
    """What ``multichannel=True`` does to a grey image; it is called otherwise by now."""
    blurred: GreyImages = gaussian(image, sigma=0.7, channel_axis=-1)
    return blurred


def shuffled(image: GreyImages, draw: int) -> GreyImages:
    """As the paper's code, with one draw for all pixels, which says what to exchange them with."""
    pixels = image.copy()
    down, right = [(0, 0), (0, -1), (-1, 0), (-1, -1)][draw - 4] if draw > 4 else (0, 0)
    for _ in range(2):
        for row in range(27, 1, -1):
            for column in range(27, 1, -1):
                place, other = (row, column), (row + down, column + right)
                pixels[place], pixels[other] = pixels[other], pixels[place]
    return pixels


@pytest.mark.parametrize("draw", range(8))
def test_glass_blur_exchanges_pixels_between_two_blurs(draw: int) -> None:
    images = random_images(2)
    drawn = Drawn(integers=lambda high, size, dtype: np.full(size, draw, dtype=dtype))
    for image, blurred in zip(images, glass_blur(images, drawn), strict=True):
        first = np.floor(255 * with_columns_as_colours(image)) / 255
        expected = with_columns_as_colours(shuffled(first, draw))
        np.testing.assert_allclose(blurred, expected, atol=1e-12)


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


def test_mud_is_drops_of_one_grey() -> None:
    (image,) = images = random_images(1)
    liquid = gaussian(generator().normal(0.65, 0.3, size=(1, 28, 28))[0], sigma=1)
    mud = gaussian((liquid > 0.65).astype(float), sigma=1.5)
    mud[mud < 0.8] = 0
    expected = image * (1 - mud) + 63 / 255 * mud
    np.testing.assert_allclose(spatter(images, generator())[0], expected, atol=1e-12)


MATRICES = {
    shear: lambda s: [[1, -sin(0.4 * s)], [0, cos(0.4 * s)]],
    rotate: lambda s: [[cos(0.4 * s), -sin(0.4 * s)], [sin(0.4 * s), cos(0.4 * s)]],
    scale: lambda s: [[1 / 0.7, 0], [0, 1 / 0.7]],
}


def signed(*signs: int) -> Drawn:
    return Drawn(choice=lambda values, size: np.array(signs))


def bilinear(image: GreyImages, matrix: list[list[float]]) -> GreyImages:
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
def test_map_is_bilinear_about_the_centre_and_goes_both_ways(
    function: Callable[..., GreyImages],
) -> None:
    images = random_images(3)
    mapped = function(images, signed(1, -1, 1))
    for image, result, sign in zip(images, mapped, (1, -1, 1), strict=True):
        np.testing.assert_allclose(result, bilinear(image, MATRICES[function](sign)), atol=1e-9)


@pytest.mark.parametrize(("down", "right"), [(-3, 3), (3, 3)])
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
def test_directions_are_equally_likely(
    function: Callable[..., GreyImages], directions: int
) -> None:
    images = np.repeat(random_images(1), 400, axis=0)
    _, counts = np.unique(function(images, generator()), axis=0, return_counts=True)
    assert len(counts) == directions
    assert counts == pytest.approx([400 / directions] * directions, abs=50)


def drawn_line(c0: float, r0: float, c1: float, r1: float) -> GreyImages:
    image = np.zeros((28, 28))
    for row in range(28):
        for column in range(floor(c0), min(ceil(c1), 28)):
            distance = abs(row - (r0 + (r1 - r0) / (c1 - c0) * (column - c0)))
            if distance < 2.3:
                image[row, column] = max(0, 1 + log(1 - distance / 2.3))
    return image


@pytest.mark.parametrize("ends", [(0, 3, 27, 20), (2.4, 25.1, 6.3, 22), (3, 5, 4.5, 7)])
def test_line_fades_with_the_vertical_distance(ends: tuple[float, ...]) -> None:
    (drawn,) = line(*(np.array([float(end)]) for end in ends))
    np.testing.assert_allclose(drawn, drawn_line(*ends), atol=1e-12)


def test_dotted_line_has_two_columns_of_each_four() -> None:
    rows = np.array([[4, 26], [19, 0]])
    images = random_images(2)
    dotted = dotted_line(images, Drawn(integers=lambda high, size: rows))
    for image, drawn, (r0, r1) in zip(images, dotted, rows.T, strict=True):
        expected = drawn_line(0, r0, 27, r1)
        for start in range(0, 28, 4):
            expected[:, start : start + 2] = 0
        np.testing.assert_allclose(drawn, np.minimum(image + expected, 1), atol=1e-12)


@pytest.mark.parametrize(("row", "drop"), [(0, -5), (10, 4)])
def test_zigzag_turns_about_its_axis(row: int, drop: int) -> None:
    angle = atan(drop / 23)
    length = 23 / cos(angle)
    points = [(0.0, 0.0), (2, 2), (6, -2), (10, 2), (14, -2), (18, 2), (22, -2)]
    points.append((length, -2 / (2 * (length - 20))))
    placed = [
        (2 + cos(angle) * x - sin(angle) * y, row + sin(angle) * x + cos(angle) * y)
        for x, y in points
    ]
    (image,) = images = random_images(1)
    expected = image + sum(drawn_line(*start, *end) for start, end in pairwise(placed))
    draws = iter([np.array([row]), np.array([drop])])
    drawn = zigzag(images, Drawn(integers=lambda *bounds, size: next(draws)))
    np.testing.assert_allclose(drawn[0], np.minimum(expected, 1), atol=1e-12)
