"""What an image looks like: noise, blur, tones, edges instead of it, and weather."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.corruptions.corruption import SIDE, Images

PHOTONS = 3
"""How many a white pixel receives in the mean."""

BROKEN = 0.17
"""The chance that a pixel is broken."""


def shot_noise(images: Images, generator: np.random.Generator) -> Images:
    """Each pixel counts photons: min(Poisson(3 x) / 3, 1) of a pixel x; black stays black.

    Mu & Gilmer 2019; severity 5 of Hendrycks & Dietterich 2019.

    >>> grey = np.full((1, 28, 28), 0.5)
    >>> np.unique(shot_noise(grey, np.random.default_rng(0))).round(2).tolist()
    [0.0, 0.33, 0.67, 1.0]
    """
    return np.minimum(generator.poisson(PHOTONS * images) / PHOTONS, 1)


def impulse_noise(images: Images, generator: np.random.Generator) -> Images:
    """Salt and pepper: 17 % of the pixels are broken, half of them black and half of them white.

    Mu & Gilmer 2019, severity 4.
    """
    # Here and below, not above: what corrupts nothing needs no such library.
    from skimage.util import random_noise

    noisy: Images = random_noise(images, mode="s&p", amount=BROKEN, rng=generator)
    return noisy


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


BRIGHTER = 0.5

STRIPE = slice(7, 21)
"""The columns between the inverted ones."""


def brightness(images: Images, generator: np.random.Generator) -> Images:
    """Brighter by one half of white: min(x + 0.5, 1) of a pixel x, of the background too.

    Mu & Gilmer 2019, severity 5. There is nothing random.
    """
    return np.minimum(images + BRIGHTER, 1)


def stripe(images: Images, generator: np.random.Generator) -> Images:
    """Inverted but for a stripe: 1 - x of the pixels of the seven columns at either side.

    Mu & Gilmer 2019. There is nothing random.
    """
    striped = 1 - images
    striped[:, :, STRIPE] = images[:, :, STRIPE]
    return striped


def canny_edges(images: Images, generator: np.random.Generator) -> Images:
    """White edges on black, by Canny's detector (Canny 1986) as scikit-image has it.

    Mu & Gilmer 2019, with the detector's usual parameters: a Gaussian of a standard deviation of 1
    pixel, and thresholds of 0.1 and 0.2. There is nothing random. An image of one grey has no edges
    and becomes black.
    """
    from skimage.feature import canny

    return np.stack([canny(image) for image in images]).astype(np.float64)


FOG = 3.0
"""Of the thickest fog, where a white pixel is 1."""

LANDSCAPE, ROUGHNESS, DECAY = 256, 100.0, 1.4
"""The side of the heights that fog is a corner of, their first wibble, and how it decays."""

AT_ONCE = 10
"""So many landscapes fit into a processor's cache."""

LIQUID_MEAN, LIQUID_STD, LIQUID_BLUR = 0.65, 0.3, 1.0
"""Of the liquid at a pixel; and the standard deviation of a Gaussian, in pixels."""

LEVEL = 0.65
"""Above it, liquid becomes a drop."""

DROP_BLUR, DROP_EDGE = 1.5, 0.8
"""The standard deviation of a Gaussian, in pixels; and below what opacity there is no drop."""

MUD = 63 / 255
"""The grey of the drops."""


def fog(images: Images, generator: np.random.Generator) -> Images:
    """Fog of uneven thickness: (x + 3 f) m / (m + 3) of a pixel x; m is the image's brightest.

    Mu & Gilmer 2019, severity 5. The thickness f in [0, 1] is a 28x28 corner of a landscape of
    256x256 heights, see `landscapes`. A black image stays black.
    """
    thickness = np.concatenate(
        [
            landscapes(min(AT_ONCE, len(images) - start), generator)[:, :SIDE, :SIDE]
            for start in range(0, len(images), AT_ONCE)
        ]
    )
    brightest = images.max(axis=(1, 2), keepdims=True)
    foggy: Images = (images + FOG * thickness) * brightest / (brightest + FOG)
    return foggy.clip(0, 1)


def landscapes(count: int, generator: np.random.Generator) -> Float32[np.ndarray, "count 256 256"]:
    """Random heights in [0, 1], both taken, by the diamond-square algorithm (Fournier et al. 1982).

    The heights are periodic. Squares of half the side, and half of that, to 1, follow one another.
    The middle of each square is the mean of its four corners, and then the middle of each side that
    of the four points around it; to each is added what is uniform in [-w², w²]. The wibble w is 100
    at first, and divided by 1.4 for each half.
    """
    heights = np.zeros((count, LANDSCAPE, LANDSCAPE), dtype=np.float32)
    side, wibble = LANDSCAPE, ROUGHNESS
    while side > 1:
        half = side // 2
        corners, centres = heights[:, ::side, ::side], heights[:, half::side, half::side]
        below, right = np.roll(corners, -1, axis=1), np.roll(corners, -1, axis=2)
        _wibble(centres, corners + below + right + np.roll(below, -1, axis=2), wibble, generator)
        for middles, two, axis in (
            (heights[:, ::side, half::side], corners + right, 1),
            (heights[:, half::side, ::side], corners + below, 2),
        ):
            _wibble(middles, two + centres + np.roll(centres, 1, axis=axis), wibble, generator)
        side, wibble = half, wibble / DECAY
    heights -= heights.min(axis=(1, 2), keepdims=True)
    heights /= heights.max(axis=(1, 2), keepdims=True)
    return heights


def _wibble(
    heights: Float32[np.ndarray, "count rows columns"],
    four: Float32[np.ndarray, "count rows columns"],
    wibble: float,
    generator: np.random.Generator,
) -> None:
    """Set the heights to a quarter of the sum of four, and to something random above or below."""
    uniform = generator.random(four.shape, dtype=np.float32)
    heights[:] = four / 4 + np.float32(2 * wibble**2) * (uniform - np.float32(0.5))


def spatter(images: Images, generator: np.random.Generator) -> Images:
    """Drops of mud: (1 - m) x + 63/255 m of a pixel x under mud of the opacity m.

    Mu & Gilmer 2019, severity 4. At each pixel there is liquid, normal of the mean 0.65 and the
    standard deviation 0.3, which a Gaussian of 1 pixel blurs. Where it is above 0.65 there is mud,
    which a Gaussian of 1.5 pixels blurs; an opacity below 0.8 becomes 0.
    """
    liquid = _blurred(generator.normal(LIQUID_MEAN, LIQUID_STD, size=images.shape), LIQUID_BLUR)
    opacity = _blurred((liquid > LEVEL).astype(np.float64), DROP_BLUR)
    opacity[opacity < DROP_EDGE] = 0
    muddy: Images = (1 - opacity) * images + MUD * opacity
    return muddy.clip(0, 1)


def _blurred(images: Images, std: float) -> Images:
    """By a Gaussian, cut off at four standard deviations; the border is continued outside."""
    from scipy.ndimage import gaussian_filter

    blurred: Images = gaussian_filter(images, (0, std, std), mode="nearest", truncate=4)
    return blurred
