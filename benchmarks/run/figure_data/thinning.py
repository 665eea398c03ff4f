"""Which points of a curve a drawing needs, so that the curves of all replicates stay small."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

TOLERANCE = 0.004
"""Of a curve's highest value: about the width of the thin lines that replicates are drawn with."""


def needed(x: Float64[np.ndarray, " points"], y: Float64[np.ndarray, " points"]) -> list[int]:
    """The positions of points such that straight lines between them are as good as the curve.

    Both ends, then one by one the point that lies farthest from the lines so far, until none lies
    farther than `TOLERANCE`. ``x`` rises.

    >>> needed(np.array([0.0, 0.1, 0.2, 0.6, 1.0]), np.array([0.0, 0.5, 0.75, 0.875, 1.0]))
    [0, 1, 2, 4]
    """
    kept, largest = [0, len(x) - 1], TOLERANCE * y.max()
    while True:
        apart = np.abs(np.interp(x, x[kept], y[kept]) - y)
        farthest = int(apart.argmax())
        if apart[farthest] <= largest:
            return kept
        kept = sorted([*kept, farthest])
