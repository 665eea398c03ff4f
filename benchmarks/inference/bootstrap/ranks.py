"""Measures of a ranking on every resample: detection and selective prediction.

Each is that of the same name in `benchmarks.metrics`, with weights as numbers of copies, and NaN
where that is undefined. The images are sorted once; every resample takes one pass.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, UInt8

from benchmarks.inference.bootstrap.kernels import detect, select


class Detection(NamedTuple):
    """Negative and positive images by falling score.

    Attributes:
        rows: which images, the positives numbered after the negatives.
        ends: whether an image is the last of its score.
    """

    rows: Int32[np.ndarray, " images"]
    ends: Bool[np.ndarray, " images"]

    @classmethod
    def of(
        cls, negatives: Float[np.ndarray, " negatives"], positives: Float[np.ndarray, " positives"]
    ) -> Detection:
        """Sort the images; higher scores are more likely positive."""
        return cls(*_sorted(-np.concatenate([negatives, positives])))

    def measures(
        self,
        negatives: UInt8[np.ndarray, "negatives resamples"],
        positives: UInt8[np.ndarray, "positives resamples"],
    ) -> Float64[np.ndarray, "4 resamples"]:
        """AUROC, AUPR-Out, AUPR-In and FPR95, for weights of the negatives and the positives.

        >>> ranked = Detection.of(np.array([0.1, 0.4]), np.array([0.4, 0.8]))
        >>> once = np.ones((2, 1), dtype=np.uint8)
        >>> ranked.measures(once, once)[:, 0].round(4).tolist()
        [0.875, 0.8333, 0.8333, 0.5]
        """
        measures = np.empty((4, negatives.shape[1]))
        detect(self.rows, self.ends, negatives, positives, measures)
        return measures


class Selection(NamedTuple):
    """Images by rising uncertainty.

    Attributes:
        rows: which images.
        ends: whether an image is the last of its uncertainty.
        correct: whether it is classified correctly.
    """

    rows: Int32[np.ndarray, " images"]
    ends: Bool[np.ndarray, " images"]
    correct: Bool[np.ndarray, " images"]

    @classmethod
    def of(
        cls, uncertainty: Float[np.ndarray, " images"], correct: Bool[np.ndarray, " images"]
    ) -> Selection:
        """Sort the images."""
        rows, ends = _sorted(uncertainty)
        return cls(rows, ends, correct[rows])

    def measures(
        self, weights: UInt8[np.ndarray, "images resamples"]
    ) -> Float64[np.ndarray, "3 resamples"]:
        """AUROC of detecting the misclassified images, AURC and AUGRC, for weights of the images.

        >>> ranked = Selection.of(np.array([0.1, 0.2]), np.array([True, False]))
        >>> ranked.measures(np.ones((2, 1), dtype=np.uint8))[:, 0].tolist()
        [1.0, 0.25, 0.125]
        """
        measures = np.empty((3, weights.shape[1]))
        select(self.rows, self.ends, self.correct, weights, measures)
        return measures


def _sorted(
    values: Float[np.ndarray, " images"],
) -> tuple[Int32[np.ndarray, " images"], Bool[np.ndarray, " images"]]:
    """The order of rising values, and which of them are the last of equal ones."""
    rows = np.argsort(values, kind="stable").astype(np.int32)
    ordered = values[rows]
    return rows, np.append(ordered[1:] != ordered[:-1], True)
