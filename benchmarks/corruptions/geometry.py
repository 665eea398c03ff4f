"""Affine maps: sheared, scaled, rotated and translated images, black outside of the original."""

from __future__ import annotations

from collections.abc import Callable

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
