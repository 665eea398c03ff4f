"""The fifteen corruptions of MNIST-C (Mu & Gilmer 2019), of any 28x28 grey images.

Each is computed by its published definition, at the severity that MNIST-C has it, and kept in the
cache. Adding one is a function and a line of `CORRUPTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.data.files import cache_folder, locked
from benchmarks.io import write_whole
from benchmarks.schema import DamagedArraysError, packed, unpacked

GreyImages = Float64[np.ndarray, "images 28 28"]
"""In [0, 1]; 0 is black."""

ByteImages = UInt8[np.ndarray, "images 28 28"]

SIDE = 28
"""Of an image, in pixels: the severities are those of images of this size."""

BLOCK = 500
"""So many images are corrupted at once, for the memory's sake; random numbers follow from it."""


@dataclass(frozen=True)
class Corruption:
    """One of the fifteen corruptions of MNIST-C (Mu & Gilmer 2019).

    Attributes:
        name: that of its folder in the published archive.
        label: in print.
        function: what is done, by the definition and the severity of MNIST-C, with a generator
            that each image draws from anew.
        seed: of the random numbers, the same in all runs: everybody has the same images.
    """

    name: str
    label: str
    function: Callable[[GreyImages, np.random.Generator], GreyImages] = field(compare=False)
    seed: int

    def apply(self, images: ByteImages) -> ByteImages:
        """The corrupted images, 0 to 255, rounded to the nearest; they follow from the images.

        How an image is corrupted depends on how many are before it, and after it in its block.

        Raises:
            ValueError: the images are not of 28x28 pixels.
        """
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(
                f"the images have the shape {list(images.shape)}; expected [images, {SIDE}, "
                f"{SIDE}]: corruptions are defined for this size"
            )
        generator = np.random.default_rng(self.seed)
        corrupted = np.empty_like(images)
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            corrupted[block] = np.rint(255 * self.function(images[block] / 255, generator))
        return corrupted


def shot_noise(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Each pixel counts photons: min(Poisson(3 x) / 3, 1) of a pixel x; black stays black.

    Mu & Gilmer 2019; severity 5 of Hendrycks & Dietterich 2019.

    >>> grey = np.full((1, 28, 28), 0.5)
    >>> np.unique(shot_noise(grey, np.random.default_rng(0))).round(2).tolist()
    [0.0, 0.33, 0.67, 1.0]
    """
    return np.minimum(generator.poisson(3 * images) / 3, 1)


def impulse_noise(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Salt and pepper: 17 % of the pixels are broken, half of them black and half of them white.

    Mu & Gilmer 2019, severity 4.
    """
    # Here and below, not above: what corrupts nothing needs no such library.
    from skimage.util import random_noise

    noisy: GreyImages = random_noise(images, mode="s&p", amount=0.17, rng=generator)
    return noisy


NEIGHBOURS = np.array([0, 0, 0, 0, 0, 1, SIDE, SIDE + 1])
"""How far before a pixel, in a row of all pixels, lies the one that it is exchanged with.

Equally likely: in half of the cases there is no exchange; in the others the row is the same or the
one above, and the column the same or the one to the left.
"""


def glass_blur(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Blur, exchange neighbouring pixels at random, and blur again.

    Mu & Gilmer 2019, severity 1. Twice, from the last pixel to the third of the third row, each is
    exchanged, with a chance of one half, with one of the 2x2 pixels that it is the last of, itself
    among them. Before and after, a Gaussian of a standard deviation of 0.7 pixels blurs each column
    (pixels beyond the border are as those at the border). Rows are not blurred: the original code
    took columns for colours, and its images are the benchmark. The exchanged pixels are of 8 bits,
    rounded down.
    """
    pixels = np.floor(255 * _blurred(images, 0.7, 0)).reshape(len(images), -1).T
    each = np.arange(len(images))
    for _ in range(2):
        for row in range(SIDE - 1, 1, -1):
            drawn = generator.integers(len(NEIGHBOURS), size=(SIDE, len(images)), dtype=np.uint8)
            for column in range(SIDE - 1, 1, -1):
                place = SIDE * row + column
                other = place - NEIGHBOURS[drawn[column]]
                kept = pixels[place].copy()
                pixels[place] = pixels[other, each]
                pixels[other, each] = kept
    return _blurred(pixels.T.reshape(images.shape) / 255, 0.7, 0).clip(0, 1)


def _blurred(images: GreyImages, std_down: float, std_right: float) -> GreyImages:
    """By a Gaussian, cut off at four standard deviations; the border is continued outside."""
    from scipy.ndimage import gaussian_filter

    stds = (0, std_down, std_right)
    blurred: GreyImages = gaussian_filter(images, stds, mode="nearest", truncate=4)
    return blurred


MOTION_PIXELS = 21


def motion_blur(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Moved along a line of a random angle, uniform from -45° to 45° with the horizontal.

    Mu & Gilmer 2019, severity 1: ``MagickMotionBlurImage`` of ImageMagick with the radius 10 and
    the standard deviation 3. A pixel becomes a weighted mean of itself and the 20 that follow to
    its right on the line, each the nearest to the line (half a pixel is rounded down); the weights
    are those of one half of a Gaussian. Pixels beyond the border are as those at the border.
    """
    angles = np.deg2rad(generator.uniform(-45, 45, size=len(images)))
    distances = np.arange(MOTION_PIXELS)
    weights = np.exp(-((distances / 3) ** 2) / 2)
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


def brightness(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Brighter by one half of white: min(x + 0.5, 1) of a pixel x, of the background too.

    Mu & Gilmer 2019, severity 5. There is nothing random.
    """
    return np.minimum(images + 0.5, 1)


def stripe(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Inverted but for a stripe: 1 - x of the pixels of the seven columns at either side.

    Mu & Gilmer 2019. There is nothing random.
    """
    striped = 1 - images
    striped[:, :, 7:21] = images[:, :, 7:21]
    return striped


def canny_edges(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """White edges on black, by Canny's detector (Canny 1986) as scikit-image has it.

    Mu & Gilmer 2019, with the detector's usual parameters: a Gaussian of a standard deviation of 1
    pixel, and thresholds of 0.1 and 0.2. There is nothing random. An image of one grey has no edges
    and becomes black.
    """
    from skimage.feature import canny

    return np.stack([canny(image) for image in images]).astype(np.float64)


LANDSCAPE = 256
"""The side of the heights that fog is a corner of."""

LANDSCAPES_AT_ONCE = 10
"""So many fit into a processor's cache."""


def fog(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Fog of uneven thickness: (x + 3 f) m / (m + 3) of a pixel x; m is the image's brightest.

    Mu & Gilmer 2019, severity 5. The thickness f in [0, 1] is a 28x28 corner of a landscape of
    256x256 heights, see `landscapes`. A black image stays black.
    """
    thickness = np.concatenate(
        [
            landscapes(min(LANDSCAPES_AT_ONCE, len(images) - start), generator)[:, :SIDE, :SIDE]
            for start in range(0, len(images), LANDSCAPES_AT_ONCE)
        ]
    )
    brightest = images.max(axis=(1, 2), keepdims=True)
    foggy: GreyImages = (images + 3.0 * thickness) * brightest / (brightest + 3.0)
    return foggy.clip(0, 1)


def landscapes(count: int, generator: np.random.Generator) -> Float32[np.ndarray, "count 256 256"]:
    """Random heights in [0, 1], both taken, by the diamond-square algorithm (Fournier et al. 1982).

    The heights are periodic. Squares of half the side, and half of that, to 1, follow one another.
    The middle of each square is the mean of its four corners, and then the middle of each side that
    of the four points around it; to each is added what is uniform in [-w², w²]. The wibble w is 100
    at first, and divided by 1.4 for each half.
    """
    heights = np.zeros((count, LANDSCAPE, LANDSCAPE), dtype=np.float32)
    side, wibble = LANDSCAPE, 100.0
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
        side, wibble = half, wibble / 1.4
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


def spatter(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Drops of mud: (1 - m) x + 63/255 m of a pixel x under mud of the opacity m.

    Mu & Gilmer 2019, severity 4. At each pixel there is liquid, normal of the mean 0.65 and the
    standard deviation 0.3, which a Gaussian of 1 pixel blurs. Where it is above 0.65 there is mud,
    which a Gaussian of 1.5 pixels blurs; an opacity below 0.8 becomes 0.
    """
    liquid = _blurred(generator.normal(0.65, 0.3, size=images.shape), 1.0, 1.0)
    opacity = _blurred((liquid > 0.65).astype(np.float64), 1.5, 1.5)
    opacity[opacity < 0.8] = 0
    muddy: GreyImages = (1 - opacity) * images + 63 / 255 * opacity
    return muddy.clip(0, 1)


PixelMap = Float64[np.ndarray, "2 2"]
"""From a pixel (x, y), relative to the centre, to where its value comes from; y is down."""

ANGLE = 0.4
"""Of shearing and rotation, in radians."""


def shear(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Leant to one side, or to the other, by 0.4 radians (22.9°).

    Mu & Gilmer 2019, severity 2. A pixel (x, y) comes from (x - y sin 0.4, y cos 0.4), so the image
    is also made higher, by 1 / cos 0.4 = 1.09. That is what ``AffineTransform(shear=0.4)`` meant in
    scikit-image when MNIST-C was made; by now it means another map.
    """
    return _either_way(images, generator, lambda sine, cosine: [[1, -sine], [0, cosine]])


def scale(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Made smaller, to 0.7 of its size.

    Mu & Gilmer 2019, severity 3. There is nothing random.
    """
    return _mapped(images, np.eye(2) / 0.7)


def rotate(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Rotated by 0.4 radians (22.9°), clockwise or counter-clockwise.

    Mu & Gilmer 2019, severity 2.
    """
    return _either_way(images, generator, lambda sine, cosine: [[cosine, -sine], [sine, cosine]])


def translate(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """Moved by 3 pixels up or down, and by 3 to the left or to the right.

    Mu & Gilmer 2019, severity 3.
    """
    windows = sliding_window_view(
        np.pad(images, [(0, 0), (3, 3), (3, 3)]), (SIDE, SIDE), axis=(1, 2)
    )
    down, right = 6 * generator.integers(2, size=(2, len(images)))
    moved: GreyImages = windows[np.arange(len(images)), down, right]
    return moved


def _either_way(
    images: GreyImages,
    generator: np.random.Generator,
    matrix: Callable[[float, float], list[list[float]]],
) -> GreyImages:
    """Each image mapped by the matrix of the sine and cosine of 0.4, or of -0.4, at random."""
    signs = generator.choice([-1, 1], size=len(images))
    mapped = np.empty_like(images)
    for sign in np.unique(signs):
        signed = np.array(matrix(np.sin(sign * ANGLE), np.cos(sign * ANGLE)))
        mapped[signs == sign] = _mapped(images[signs == sign], signed)
    return mapped


def _mapped(images: GreyImages, matrix: PixelMap) -> GreyImages:
    """All images mapped alike about their centre, bilinear."""
    from skimage.transform import warp

    centre = np.full(2, (SIDE - 1) / 2)
    inverse = np.eye(3)
    inverse[:2, :2], inverse[:2, 2] = matrix, centre - matrix @ centre
    # The last axis may have any number of colours, and these are mapped one by one.
    return np.moveaxis(warp(np.moveaxis(images, 0, -1), inverse), -1, 0)


Coordinates = Float64[np.ndarray, " images"]
"""A coordinate of a point in each image, in pixels: columns from the left, rows from the top."""


def dotted_line(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """A dotted line from side to side: min(x + line, 1) of a pixel x.

    Mu & Gilmer 2019. The line (see `line`) goes from the first to the last column; the row of each
    end is any but the last, equally likely. It has gaps: columns 0 and 1, 4 and 5, and so on; and
    the last column.
    """
    first, last = generator.integers(SIDE - 1, size=(2, len(images))).astype(np.float64)
    dotted = line(np.zeros_like(first), first, np.full_like(first, SIDE - 1), last)
    dotted[:, :, np.arange(SIDE) // 2 % 2 == 0] = 0
    drawn: GreyImages = np.minimum(images + dotted, 1)
    return drawn


FIRST_COLUMN, LAST_COLUMN = 2, 25
"""That the axis of a zigzag begins and ends in."""


def zigzag(images: GreyImages, generator: np.random.Generator) -> GreyImages:
    """A zigzag from the left to the right: min(x + lines, 1) of a pixel x.

    Mu & Gilmer 2019. Its axis goes from column 2 to column 25; it begins in any row but the last,
    equally likely, and ends 5 rows above it to 4 rows below. Seven lines (see `line`) join its
    start, the turns at 2, 6, …, 22 pixels of the axis, by turns 2 pixels to its right and to its
    left, and an end a little left of the axis' own. Columns in which two lines meet may have both.
    """
    columns = LAST_COLUMN - FIRST_COLUMN
    row = generator.integers(SIDE - 1, size=len(images)).astype(np.float64)
    angle = np.arctan(generator.integers(-5, 5, size=len(images)) / columns)
    cosine, sine = np.cos(angle), np.sin(angle)
    points = [
        (FIRST_COLUMN + cosine * along - sine * aside, row + sine * along + cosine * aside)
        for along, aside in _points_of_zigzag(columns / cosine)
    ]
    drawn = images
    for (first_column, first_row), (last_column, last_row) in pairwise(points):
        drawn = np.minimum(drawn + line(first_column, first_row, last_column, last_row), 1)
    return drawn


def _points_of_zigzag(length: Coordinates) -> list[tuple[Coordinates, Coordinates]]:
    """How far along its axis and how far to the right of it they are, in each image."""
    start = np.zeros_like(length)
    turns = [(start + 4.0 * i + 2, start + 2.0 * (-1) ** i) for i in range(6)]
    # The original code has the end there.
    return [(start, start), *turns, (length, -2.0 / (2 * (length - 4.0 * (length // 4.0))))]


def line(
    first_column: Coordinates,
    first_row: Coordinates,
    last_column: Coordinates,
    last_row: Coordinates,
) -> GreyImages:
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
    bright = 1 + np.log1p(-np.minimum(distance / 2.3, 0.9))
    inside = (columns >= np.floor(first_column)) & (columns < np.ceil(last_column))
    return np.where(inside, bright.clip(0), 0)


CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption("shot_noise", "Shot noise", shot_noise, seed=1),
        Corruption("impulse_noise", "Impulse noise", impulse_noise, seed=2),
        Corruption("glass_blur", "Glass blur", glass_blur, seed=3),
        Corruption("motion_blur", "Motion blur", motion_blur, seed=4),
        Corruption("shear", "Shear", shear, seed=5),
        Corruption("scale", "Scale", scale, seed=6),
        Corruption("rotate", "Rotate", rotate, seed=7),
        Corruption("brightness", "Brightness", brightness, seed=8),
        Corruption("translate", "Translate", translate, seed=9),
        Corruption("stripe", "Stripe", stripe, seed=10),
        Corruption("fog", "Fog", fog, seed=11),
        Corruption("spatter", "Spatter", spatter, seed=12),
        Corruption("dotted_line", "Dotted line", dotted_line, seed=13),
        Corruption("zigzag", "Zigzag", zigzag, seed=14),
        Corruption("canny_edges", "Canny edges", canny_edges, seed=15),
    )
}
"""By name, in the order of the paper's table 1."""

DEFINITIONS = 1
"""What the corruptions are: raise it when any other images follow from the same ones."""

LIBRARIES = ("numpy", "scikit-image", "scipy")
"""On whose versions images may depend: their random numbers, their filters and maps."""


def corrupted(corruption: Corruption, images: ByteImages) -> ByteImages:
    """The corrupted images: those in the cache, or else computed and stored there.

    The name of a file in the cache follows from the images and from all that computes them, such as
    the versions of libraries. A damaged file is computed anew. Runs at the same time compute it
    once.

    Raises:
        UserError: the cache cannot be written.
        Unavailable: another run has been computing them for half an hour.
        ValueError: the images are not of 28x28 pixels.
    """
    fingerprint = sha256(np.ascontiguousarray(images).data).hexdigest()
    made_by = (DEFINITIONS, corruption.seed, *map(version, LIBRARIES), fingerprint)
    name = f"{corruption.name}-{sha256(repr(made_by).encode()).hexdigest()[:16]}"
    path = cache_folder() / "corrupted" / f"{name}.npz"
    if (stored := _stored(path)) is not None:
        return stored
    with locked(path.parent, f".{name}.lock", f"{name}: another run has been computing it"):
        # Another run may have computed them while this one waited for the lock.
        if (stored := _stored(path)) is not None:
            return stored
        computed = corruption.apply(images)
        write_whole(path, packed({"images": computed}))
    return computed


def _stored(path: Path) -> ByteImages | None:
    """The images in a file of the cache; ``None`` where it is missing or damaged."""
    with suppress(DamagedArraysError, FileNotFoundError, KeyError):
        return unpacked(path)["images"]
    return None
