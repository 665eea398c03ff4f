"""Images in the order of a score, sorted once for all resamples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int32

from benchmarks.metrics.metric import Weights

Counts = Int32[np.ndarray, "steps resamples"]


class Ranking(NamedTuple):
    """Images by rising value; those of the same value are one step.

    Attributes:
        rows: which images.
        ends: whether an image is the last of its value.
    """

    rows: Int32[np.ndarray, " images"]
    ends: Bool[np.ndarray, " images"]

    @classmethod
    def of(cls, values: Float[np.ndarray, " images"]) -> Ranking:
        """Sort the images."""
        rows = np.argsort(values, kind="stable").astype(np.int32)
        ordered = values[rows]
        return cls(rows, np.append(ordered[1:] != ordered[:-1], True))

    def counts(self, weights: Weights, counted: Bool[np.ndarray, " images"]) -> Counts:
        """How many of the images counted come before the first step and up to the end of each.

        >>> once = np.ones((3, 1), np.uint8)
        >>> Ranking.of(np.array([0.3, 0.1, 0.1])).counts(once, np.array([True, True, False]))[:, 0]
        array([0, 1, 2], dtype=int32)
        """
        drawn = np.cumsum((weights * counted[:, None])[self.rows], axis=0, dtype=np.int32)
        return np.concatenate([np.zeros_like(drawn[:1]), drawn[self.ends]])
