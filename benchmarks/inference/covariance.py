"""The covariance of measures over the resamples."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

Estimates = Float64[np.ndarray, "measures columns"]


class ResampleCovariance:
    """Covariances over resamples that come in blocks; a column is a replicate of a method.

    A resample on which a measure is undefined or infinite counts as one with the estimate itself.
    """

    def __init__(self, estimates: Estimates) -> None:
        self._estimates = estimates
        self._resamples = 0
        self._undefined = np.zeros(estimates.shape)
        self._sum = np.zeros(estimates.shape)
        self._products = np.zeros((*estimates.shape, estimates.shape[-1]))

    def add(self, values: Float64[np.ndarray, "measures columns block"]) -> None:
        """Add a block of resamples."""
        defined = np.isfinite(values) & np.isfinite(self._estimates)[..., None]
        # Differences from the estimate, which is near their mean, so that no digits are lost.
        differences = np.where(defined, values, 0.0)
        differences -= np.where(defined, self._estimates[..., None], 0.0)
        self._resamples += values.shape[-1]
        self._undefined += (~defined).sum(axis=-1)
        self._sum += differences.sum(axis=-1)
        rows = torch.from_numpy(differences)
        self._products += (rows @ rows.mT).numpy()

    @property
    def covariance(self) -> Float64[np.ndarray, "measures columns columns"]:
        """The covariance of each measure, between all columns."""
        mean = self._sum / self._resamples
        centred = self._products - self._resamples * mean[..., :, None] * mean[..., None, :]
        result: Float64[np.ndarray, "measures columns columns"] = centred / (self._resamples - 1)
        return result

    @property
    def undefined(self) -> Estimates:
        """The share of resamples on which the measure is undefined or infinite."""
        return self._undefined / self._resamples
