"""Affine maps against bilinear interpolation written out, and against scikit-image."""

from __future__ import annotations

from itertools import pairwise
from math import atan, ceil, cos, floor, log, sin

import numpy as np
import pytest

from benchmarks.corruptions.corruption import Function, Images
from benchmarks.corruptions.geometry import (
    dotted_line,
    line,
    rotate,
    scale,
    shear,
    translate,
    zigzag,
)
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


def drawn_line(c0: float, r0: float, c1: float, r1: float) -> Images:
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


@pytest.mark.parametrize(("row", "drop"), [(0, -5), (14, 0), (10, 4), (26, 3)])
def test_zigzag_turns_about_its_axis(row: int, drop: int) -> None:
    length = 23 / cos(atan(drop / 23))
    points = [(0.0, 0.0), (2, 2), (6, -2), (10, 2), (14, -2), (18, 2), (22, -2)]
    points.append((length, -2 / (2 * (length - 20))))
    angle = atan(drop / 23)
    placed = [
        (2 + cos(angle) * x - sin(angle) * y, row + sin(angle) * x + cos(angle) * y)
        for x, y in points
    ]
    # Its axis is from column 2 to 25, and falls by the drop.
    assert placed[0] == (2, row)
    assert 2 + cos(angle) * length == pytest.approx(25)
    (image,) = images = random_images(1)
    expected = image + sum(drawn_line(*one, *other) for one, other in pairwise(placed))
    draws = iter([np.array([row]), np.array([drop])])
    drawn = zigzag(images, Drawn(integers=lambda *bounds, size: next(draws)))
    np.testing.assert_allclose(drawn[0], np.minimum(expected, 1), atol=1e-12)


def test_lines_are_anywhere_but_in_the_last_row() -> None:
    """Each end of a dotted line is in one of 27 rows, as is the start of a zigzag."""
    bounds: list[tuple[int, ...]] = []

    def integers(*given: int, size: object) -> np.ndarray:
        bounds.append(given)
        return generator().integers(*given, size=size)  # type: ignore[call-overload, no-any-return]

    for function in (dotted_line, zigzag):
        function(grey(0.0, 3), Drawn(integers=integers))
    assert bounds == [(27,), (27,), (-5, 5)]
