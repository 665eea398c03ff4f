"""Edges instead of the image."""

from __future__ import annotations

import numpy as np

from benchmarks.corruptions.corruption import Images


def canny_edges(images: Images, generator: np.random.Generator) -> Images:
    """White edges on black, by Canny's detector (Canny 1986) as scikit-image has it.

    Mu & Gilmer 2019, with the detector's usual parameters: a Gaussian of a standard deviation of 1
    pixel, and thresholds of 0.1 and 0.2. There is nothing random. An image of one grey has no edges
    and becomes black.
    """
    from skimage.feature import canny

    return np.stack([canny(image) for image in images]).astype(np.float64)
