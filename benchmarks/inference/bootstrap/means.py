"""Means over images on every resample."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, UInt8


def weighted_means(
    contributions: Float64[np.ndarray, "rows images"],
    weights: UInt8[np.ndarray, "images resamples"],
) -> Float64[np.ndarray, "rows resamples"]:
    """Each row's mean over the images, by the images' weights.

    >>> weighted_means(np.array([[1.0, 4.0]]), np.array([[1, 2], [1, 0]], dtype=np.uint8))
    array([[2.5, 1. ]])
    """
    # PyTorch multiplies, since its number of threads, on which bits depend, is held at one.
    drawn = torch.from_numpy(weights).double()
    totals = torch.from_numpy(contributions) @ drawn
    means: Float64[np.ndarray, "rows resamples"] = (totals / drawn.sum(dim=0)).numpy()
    return means
