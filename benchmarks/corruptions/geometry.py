"""Where an image lies, by affine maps, and lines drawn on top of it, dotted or in zigzag."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.corruptions.corruption import SIDE, Images

Matrix = Float64[np.ndarray, "2 2"]
"""From a pixel (x, y), relative to the centre, to where its value comes from; y is down."""

SHEAR, ROTATION = 0.4, 0.4
"""Angles, in radians."""

SCALE = 0.7

TRANSLATION = 3
"""In pixels, in either direction."""


def shear(images: Images, generator: np.random.Generator) -> Images:
    """Leant to one side, or to the other, by 0.4 radians (22.9°).

    Mu & Gilmer 2019, severity 2. A pixel (x, y) comes from (x - y sin 0.4, y cos 0.4), so the image
    is also made higher, by 1 / cos 0.4 = 1.09. That is what ``AffineTransform(shear=0.4)`` meant in
    scikit-image when MNIST-C was made; by now it means another map.
    """
    return _either_way(images, generator, _sheared)


def scale(images: Images, generator: np.random.Generator) -> Images:
    """Made smaller, to 0.7 of its size.

    Mu & Gilmer 2019, severity 3. There is nothing random.
    """
    return _mapped(images, np.eye(2) / SCALE)


def rotate(images: Images, generator: np.random.Generator) -> Images:
    """Rotated by 0.4 radians (22.9°), clockwise or counter-clockwise.

    Mu & Gilmer 2019, severity 2.
    """
    return _either_way(images, generator, _rotated)


def translate(images: Images, generator: np.random.Generator) -> Images:
    """Moved by 3 pixels up or down, and by 3 to the left or to the right.

    Mu & Gilmer 2019, severity 3.
    """
    margin = [(TRANSLATION, TRANSLATION)] * 2
    windows = sliding_window_view(np.pad(images, [(0, 0), *margin]), (SIDE, SIDE), axis=(1, 2))
    down, right = 2 * TRANSLATION * generator.integers(2, size=(2, len(images)))
    moved: Images = windows[np.arange(len(images)), down, right]
    return moved


def _sheared(sign: int) -> Matrix:
    angle = sign * SHEAR
    return np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])


def _rotated(sign: int) -> Matrix:
    angle = sign * ROTATION
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _either_way(
    images: Images, generator: np.random.Generator, matrix: Callable[[int], Matrix]
) -> Images:
    """Each image mapped by the matrix of one sign or of the other, at random."""
    signs = generator.choice([-1, 1], size=len(images))
    mapped = np.empty_like(images)
    for sign in np.unique(signs):
        mapped[signs == sign] = _mapped(images[signs == sign], matrix(sign))
    return mapped


def _mapped(images: Images, matrix: Matrix) -> Images:
    """All images mapped alike about their centre, bilinear."""
    from skimage.transform import warp

    centre = np.full(2, (SIDE - 1) / 2)
    inverse = np.eye(3)
    inverse[:2, :2], inverse[:2, 2] = matrix, centre - matrix @ centre
    # The last axis may have any number of colours, and these are mapped one by one.
    return np.moveaxis(warp(np.moveaxis(images, 0, -1), inverse), -1, 0)


Numbers = Float64[np.ndarray, " images"]
"""A coordinate of a point in each image, in pixels: columns from the left, rows from the top."""

WIDTH = 2.3
"""Of lines: in which their logarithm is defined, above and below, in pixels."""

DOT = 2
"""The length of dots, and of gaps, in columns."""

FIRST, LAST = 2, 25
"""The columns that a zigzag begins and ends in."""

TURN = 2.0
"""How far a zigzag goes from its axis at each turn, and half of how far apart turns are."""

TURNS = 6
"""They and 2 more pixels fit into the length of the axis, 23 to 23.54 pixels."""


def dotted_line(images: Images, generator: np.random.Generator) -> Images:
    """A dotted line from side to side: min(x + line, 1) of a pixel x.

    Mu & Gilmer 2019. The line (see `line`) goes from the first to the last column; the row of each
    end is any but the last, equally likely. It has gaps: columns 0 and 1, 4 and 5, and so on; and
    the last column.
    """
    first, last = generator.integers(SIDE - 1, size=(2, len(images))).astype(np.float64)
    dotted = line(np.zeros_like(first), first, np.full_like(first, SIDE - 1), last)
    dotted[:, :, np.arange(SIDE) // DOT % 2 == 0] = 0
    drawn: Images = np.minimum(images + dotted, 1)
    return drawn


def zigzag(images: Images, generator: np.random.Generator) -> Images:
    """A zigzag from the left to the right: min(x + lines, 1) of a pixel x.

    Mu & Gilmer 2019. Its axis goes from column 2 to column 25; it begins in any row but the last,
    equally likely, and ends 5 rows above it to 4 rows below. Seven lines (see `line`) join its
    start, the turns at 2, 6, …, 22 pixels of the axis, by turns 2 pixels to its right and to its
    left, and an end a little left of the axis' own. Columns in which two lines meet may have both.
    """
    row = generator.integers(SIDE - 1, size=len(images)).astype(np.float64)
    angle = np.arctan(generator.integers(-5, 5, size=len(images)) / (LAST - FIRST))
    cosine, sine = np.cos(angle), np.sin(angle)
    points = [
        (FIRST + cosine * along - sine * aside, row + sine * along + cosine * aside)
        for along, aside in _points_of_zigzag((LAST - FIRST) / cosine)
    ]
    drawn = images
    for (first_column, first_row), (last_column, last_row) in pairwise(points):
        drawn = np.minimum(drawn + line(first_column, first_row, last_column, last_row), 1)
    return drawn


def line(
    first_column: Numbers, first_row: Numbers, last_column: Numbers, last_row: Numbers
) -> Images:
    """In each image a line, 1 in its middle, on black; from a column to one further right.

    A pixel that is d pixels above or below the line is 1 + log(1 - d / 2.3), at least 0. There are
    pixels from the first column, rounded down, to the one before the last, rounded up.
    """
    first_column, first_row, last_column, last_row = (
        ends[:, None, None] for ends in (first_column, first_row, last_column, last_row)
    )
    rows, columns = np.mgrid[:SIDE, :SIDE]
    slope = (last_row - first_row) / (last_column - first_column)
    distance = np.abs(rows - (first_row + slope * (columns - first_column)))
    # Black by far already at 0.9 of the width, and no logarithm of zero.
    bright = 1 + np.log1p(-np.minimum(distance / WIDTH, 0.9))
    inside = (columns >= np.floor(first_column)) & (columns < np.ceil(last_column))
    return np.where(inside, bright.clip(0), 0)


def _points_of_zigzag(length: Numbers) -> list[tuple[Numbers, Numbers]]:
    """How far along its axis and how far to the right of it they are, in each image."""
    start = np.zeros_like(length)
    turns = [(TURN * (2 * i + 1), TURN * (-1) ** i) for i in range(TURNS)]
    # The original code has the end there.
    end = -TURN / (2 * (length - 2 * TURN * (length // (2 * TURN))))
    return [
        (start, start),
        *((start + along, start + aside) for along, aside in turns),
        (length, end),
    ]
