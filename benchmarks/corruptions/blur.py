"""Blur: seen through frosted glass, and moved while the shutter was open."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.corruptions.corruption import SIDE, Images

GLASS_STD = 0.7
"""Of the Gaussian, in pixels."""

SHUFFLES = 2

NEIGHBOURS = np.array([0, 0, 0, 0, 0, 1, SIDE, SIDE + 1])
"""How far before a pixel, in a row of all pixels, lies the one that it is exchanged with.

Equally likely: in half of the cases there is no exchange; in the others the row is the same or the
one above, and the column the same or the one to the left.
"""

MOTION_STD = 3
"""Of the Gaussian, in pixels."""

MOTION_PIXELS = 21

LARGEST_ANGLE = 45
"""Of the motion with the horizontal, in degrees, either way."""


def glass_blur(images: Images, generator: np.random.Generator) -> Images:
    """Blur, exchange neighbouring pixels at random, and blur again.

    Mu & Gilmer 2019, severity 1. Twice, from the last pixel to the third of the third row, each is
    exchanged, with a chance of one half, with one of the 2x2 pixels that it is the last of, itself
    among them. Before and after, a Gaussian of a standard deviation of 0.7 pixels blurs each column
    (pixels beyond the border are as those at the border). Rows are not blurred: the original code
    took columns for colours, and its images are the benchmark. The exchanged pixels are of 8 bits,
    rounded down.
    """
    pixels = np.floor(255 * _blurred_columns(images)).reshape(len(images), -1).T
    each = np.arange(len(images))
    for _ in range(SHUFFLES):
        for row in range(SIDE - 1, 1, -1):
            drawn = generator.integers(len(NEIGHBOURS), size=(SIDE, len(images)), dtype=np.uint8)
            for column in range(SIDE - 1, 1, -1):
                one = SIDE * row + column
                other = one - NEIGHBOURS[drawn[column]]
                kept = pixels[one].copy()
                pixels[one] = pixels[other, each]
                pixels[other, each] = kept
    return _blurred_columns(pixels.T.reshape(images.shape) / 255).clip(0, 1)


def _blurred_columns(images: Images) -> Images:
    from scipy.ndimage import gaussian_filter1d

    blurred: Images = gaussian_filter1d(images, GLASS_STD, axis=1, mode="nearest", truncate=4)
    return blurred


def motion_blur(images: Images, generator: np.random.Generator) -> Images:
    """Moved along a line of a random angle, uniform from -45° to 45° with the horizontal.

    Mu & Gilmer 2019, severity 1: ``MagickMotionBlurImage`` of ImageMagick with the radius 10 and
    the standard deviation 3. A pixel becomes a weighted mean of itself and the 20 that follow to
    its right on the line, each the nearest to the line (half a pixel is rounded down); the weights
    are those of one half of a Gaussian. Pixels beyond the border are as those at the border.
    """
    angles = np.deg2rad(generator.uniform(-LARGEST_ANGLE, LARGEST_ANGLE, size=len(images)))
    distances = np.arange(MOTION_PIXELS)
    weights = np.exp(-((distances / MOTION_STD) ** 2) / 2)
    weights /= weights.sum()
    margin = MOTION_PIXELS - 1
    padded = np.pad(images, [(0, 0), (margin, margin), (margin, margin)], mode="edge")
    windows = sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    blurred = np.zeros_like(images)
    for distance, weight in zip(distances, weights, strict=True):
        down, right = (
            np.ceil(distance * part - 0.5).astype(np.intp)
            for part in (np.sin(angles), np.cos(angles))
        )
        blurred += weight * windows[np.arange(len(images)), margin + down, margin + right]
    return blurred.clip(0, 1)
