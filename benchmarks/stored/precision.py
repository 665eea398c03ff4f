"""Probabilities in half of the space, and back."""

from __future__ import annotations

import numpy as np


def in_single_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities, rounded unless one would lose its digits, or a class its first place."""
    tiny = (mean > 0) & (mean < np.finfo(np.float32).tiny)
    rounded = mean.astype(np.float32)
    other = in_double_precision(rounded).argmax(axis=1) != mean.argmax(axis=1)
    return mean if tiny.any() or other.any() else rounded


def in_double_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities as before they were rounded, to a relative error of 1.2e-7; rows sum to 1.

    In single precision all above 1 − 3e-8 are 1. But the others of such a row are known as well as
    ever, so a probability above one half is what these leave of 1; else images of which a network
    is very certain would be equally uncertain.
    """
    rounded = mean.astype(np.float64)
    if mean.dtype == np.float64:
        return rounded
    total = rounded.sum(axis=1, keepdims=True)
    largest = rounded.argmax(axis=1, keepdims=True)
    values = np.take_along_axis(rounded, largest, axis=1)
    above_half = values > 0.5
    left = np.where(above_half, 1 - (total - values), values)
    np.put_along_axis(rounded, largest, left, axis=1)
    return rounded / np.where(above_half, 1.0, total)
