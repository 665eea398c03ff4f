"""Lines against loops over pixels, and worked by hand."""

from __future__ import annotations

from itertools import pairwise
from math import atan, ceil, cos, floor, log, sin

import numpy as np
import pytest

from benchmarks.corruptions.corruption import Images
from benchmarks.corruptions.geometry import dotted_line, line, zigzag
from tests.corruptions.support import Drawn, generator, grey, random_images


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


def test_level_line_is_worked_by_hand() -> None:
    (drawn,) = line(*(np.array([float(end)]) for end in (0, 10, 27, 10)))
    assert drawn[10, :27].tolist() == [1] * 27
    # 1 + log(1 - 1/2.3) = 0.4295; log(1 - 2/2.3) is below -1.
    np.testing.assert_allclose(drawn[[8, 9, 11, 12], 5], [0, 0.4295, 0.4295, 0], atol=5e-5)
    assert not drawn[:, 27].any()


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
