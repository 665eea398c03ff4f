"""The share of the images to be detected among all of detection."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from benchmarks.metrics.metric import Arrays, Family, Metric, Values, Weights


class Prevalence(Family):
    """A metric's `function`: from numbers of images and of the reference's to their value.

    Resamples draw as many images as there are, so that it never varies.
    """

    needs = frozenset({"reference"})
    resampled = False

    def of_images(self, arrays: Arrays) -> Float64[np.ndarray, "nothing images"]:
        """Nothing: images are only counted."""
        return np.empty((0, len(arrays.prediction.mean)))

    def arranged(self, of_images: object, of_reference: object | None) -> bool | None:
        """Whether there is a reference."""
        return None if of_reference is None else True

    def evaluate(self, prepared: bool, weights: Weights, reference_weights: Weights) -> Values:
        """From the sums of the weights."""
        drawn = [each.sum(axis=0, dtype=float) for each in (weights, reference_weights)]
        return np.stack(self.each(weights.shape[1], *drawn))


METRICS = (
    Metric(
        name="prevalence",
        label="Prevalence",
        shown="detail",
        family=Prevalence,
        function=lambda images, reference: images / (images + reference),
        summary="The share of images that are not clean in detection: the AUPR-out of a random "
        "score.",
        formula="N / (N + N_clean)",
        edge_cases="In (0, 1).",
    ),
)
