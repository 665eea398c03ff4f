"""Noise: too few photons, and broken pixels."""

from __future__ import annotations

import numpy as np

from benchmarks.corruptions.corruption import Images

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
    # Here, not above, as in the neighbouring files: what corrupts nothing needs no such library.
    from skimage.util import random_noise

    noisy: Images = random_noise(images, mode="s&p", amount=BROKEN, rng=generator)
    return noisy
