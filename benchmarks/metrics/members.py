"""Metrics of the single members: means of one value per image, which the stage `predict` stores."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

from benchmarks.metrics.metric import Arrays, MeansOverImages, rows_of


class MemberMeans(MeansOverImages):
    """A metric's `function`: from the probabilities [members, images, classes] to [images].

    It is called when predicting; a prediction of which its values were not stored has NaN.
    """

    needs = frozenset({"members"})

    def of_images(self, arrays: Arrays) -> Float64[np.ndarray, "metrics images"] | None:
        """Each image's stored value of each metric."""
        stored, missing = arrays.member_values, torch.full((len(arrays.prediction.mean),), np.nan)
        if not any(metric.name in stored for metric in self.metrics):
            return None
        return rows_of([stored.get(metric.name, missing) for metric in self.metrics])
