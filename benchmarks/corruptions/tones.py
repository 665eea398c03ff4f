"""Tones: made brighter, and partly inverted."""

from __future__ import annotations

import numpy as np

from benchmarks.corruptions.corruption import Images

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
