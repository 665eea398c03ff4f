"""Calibration in bins on every resample.

The bins' edges are those of the original images on every resample, also for equal-mass bins: they
belong to the measure, not to the sample. Each measure is that of the same name in
`benchmarks.metrics.calibration`, of these bins, with weights as numbers of copies. Binned ECE is
biased upwards; its interval covers the binned value, not the true error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8
from scipy.special import erf

from benchmarks.inference.bootstrap.kernels import bin_sums

ByBin = Float64[np.ndarray, "bins resamples"]


class BinnedImages(NamedTuple):
    """Images and the bin of each.

    Attributes:
        bin_of_image: numbered from 0.
        bins: how many there are.
    """

    confidence: Float64[np.ndarray, " images"]
    correct: Bool[np.ndarray, " images"]
    bin_of_image: Int32[np.ndarray, " images"]
    bins: int

    @classmethod
    def of(
        cls,
        confidence: Float64[np.ndarray, " images"],
        correct: Bool[np.ndarray, " images"],
        upper: Float64[np.ndarray, " bins"],
    ) -> BinnedImages:
        """Put the images into the bins with these upper edges, which belong to the bins."""
        bin_of_image = np.searchsorted(upper[:-1], confidence).astype(np.int32)
        return cls(confidence, correct, bin_of_image, len(upper))

    def fill(self, weights: UInt8[np.ndarray, "images resamples"]) -> FilledBins:
        """The bins' contents on each resample."""
        sums = np.zeros((3, self.bins, weights.shape[1]))
        bin_sums(self.bin_of_image, self.confidence, self.correct, weights, sums)
        images, confident, right = sums
        with np.errstate(invalid="ignore"):  # 0 / 0 where a bin is empty
            return FilledBins(images, confident / images, right / images)


class FilledBins(NamedTuple):
    """Of each bin and resample the number of images, their mean confidence and their accuracy."""

    images: ByBin
    confidence: ByBin
    accuracy: ByBin


PerResample = Float64[np.ndarray, " resamples"]


def expected_calibration_error(bins: FilledBins) -> PerResample:
    """ECE: the mean over images of their bin's gap between confidence and accuracy."""
    return _mean_over_images(bins, np.abs(bins.accuracy - bins.confidence))


def maximum_calibration_error(bins: FilledBins, smallest_bin: int = 10) -> PerResample:
    """MCE: the largest gap of a bin of at least so many images; NaN where there is none."""
    gaps = np.where(bins.images >= smallest_bin, np.abs(bins.accuracy - bins.confidence), -np.inf)
    largest = gaps.max(axis=0)
    return np.where(np.isfinite(largest), largest, np.nan)


def debiased_calibration_error(bins: FilledBins) -> PerResample:
    """ECE less an estimate of its bias (Kumar, Liang & Ma 2019, power 1)."""
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    with np.errstate(invalid="ignore", divide="ignore"):
        std = np.sqrt(variance / bins.images)
        standardised = gap / std / math.sqrt(2)
        folded = std * math.sqrt(2 / math.pi) * np.exp(-(standardised**2))
        folded += gap * erf(standardised)
    return _mean_over_images(bins, 2 * np.abs(gap) - folded)


def debiased_squared_calibration_error(bins: FilledBins) -> PerResample:
    """The debiased squared ℓ2 calibration error (Kumar, Liang & Ma 2019, definition 5.2)."""
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _mean_over_images(bins, gap**2 - variance / (bins.images - 1))


def _mean_over_images(bins: FilledBins, value: ByBin) -> PerResample:
    """Bins without a value (empty, or 0 / 0) count as 0."""
    mean: PerResample = np.nansum(bins.images * value, axis=0) / bins.images.sum(axis=0)
    return mean
