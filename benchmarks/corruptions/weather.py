"""Weather: fog, and mud that spatters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from benchmarks.corruptions.corruption import SIDE, Images

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
