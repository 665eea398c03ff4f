"""Top-label calibration: whether the predicted class is right as often as its probability.

The bins' edges are those of the original images on every resample, also for equal-mass bins: they
belong to the metric, not to the sample. Binned errors are biased upwards; an interval covers the
binned value, not the true error.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int32
from numpy.typing import NDArray
from scipy.special import erf
from torch import Tensor

from benchmarks.metrics.kernels import bin_sums
from benchmarks.metrics.metric import (
    Family,
    Metric,
    MetricInputs,
    MetricsByResample,
    PerResample,
    Weights,
)
from benchmarks.metrics.scoring import correct
from methods.scores.probabilities import ROUNDING, confidence

ByBin = Float64[np.ndarray, "bins resamples"]
TwoValues = tuple[NDArray[Any], NDArray[Any]]
TwoBinnings = tuple["BinnedImages", "BinnedImages"]


class Calibration(Family):
    """A metric's `function`: from `Binnings` to [resamples]."""

    needs = frozenset({"labels"})

    def per_image(self, arrays: MetricInputs) -> TwoValues | None:
        """Confidence, and whether it is classified correctly."""
        mean, labels = arrays.prediction.mean, arrays.labels
        if labels is None:
            return None
        return confidence(mean).numpy(), correct(mean, labels).numpy()

    def arranged(self, images: TwoValues, reference: object) -> TwoBinnings:
        """Bin the images, in both ways."""
        confident, right = map(torch.from_numpy, images)
        return equal_width_bins(confident, right), equal_mass_bins(confident, right)

    def evaluate(
        self, prepared: TwoBinnings, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """Fill the bins, then summarise them."""
        bins = Binnings(*(binned.fill(weights) for binned in prepared))
        return np.stack(self.each(weights.shape[1], bins))


class BinnedImages(NamedTuple):
    """Images and the bin of each; bins are (lower, upper] and cover [0, 1].

    Attributes:
        bin_of_image: numbered from 0.
        inner_edges: between the bins; 0 and 1 are the outer ones.
    """

    confidence: Float64[np.ndarray, " images"]
    correct: Bool[np.ndarray, " images"]
    bin_of_image: Int32[np.ndarray, " images"]
    inner_edges: Float64[np.ndarray, " edges"]

    @property
    def edges(self) -> Float64[np.ndarray, " bins_and_one"]:
        """From 0 to 1."""
        return np.concatenate([[0.0], self.inner_edges, [1.0]])

    def fill(self, weights: Weights) -> FilledBins:
        """The bins' contents on each resample."""
        sums = np.zeros((3, len(self.inner_edges) + 1, weights.shape[1]))
        bin_sums(self.bin_of_image, self.confidence, self.correct, weights, sums)
        images, confident, right = sums
        with np.errstate(invalid="ignore"):  # 0 / 0 where a bin is empty
            return FilledBins(images, confident / images, right / images)


class FilledBins(NamedTuple):
    """A reliability diagram as numbers (DeGroot & Fienberg 1983), on every resample.

    Attributes:
        images: how many the bin has.
        confidence: their mean confidence; NaN if there are none.
        accuracy: the share of them that are correct; NaN if there are none.
    """

    images: ByBin
    confidence: ByBin
    accuracy: ByBin


class Binnings(NamedTuple):
    """What metrics of calibration are computed from: 15 bins of each kind, on every resample."""

    equal_width: FilledBins
    equal_mass: FilledBins


def equal_width_bins(
    confidence: Float[Tensor, " images"], correct: Bool[Tensor, " images"], bins: int = 15
) -> BinnedImages:
    """Images in bins of equal width (Guo et al. 2017, section 2).

    Bin b of B is ((b − 1) / B, b / B]; a confidence of 0 falls into the first, and of 1 into the
    last. Bins may be empty.

    Raises:
        ValueError: a confidence lies outside [0, 1], or is NaN.

    >>> import torch
    >>> once = np.ones((3, 1), np.uint8)
    >>> right = torch.tensor([True, False, True])
    >>> equal_width_bins(torch.tensor([0.4, 0.8, 1.0]), right, 2).fill(once).images[:, 0]
    array([1., 2.])
    """
    return _binned(confidence, correct, np.arange(1, bins) / bins)


def equal_mass_bins(
    confidence: Float[Tensor, " images"], correct: Bool[Tensor, " images"], bins: int = 15
) -> BinnedImages:
    """Images in bins of equal counts (Nguyen & O'Connor 2015; Nixon et al. 2019).

    The upper edge of bin b of B is the smallest confidence with at least the share b / B of all
    images at or below it, so that images of the same confidence share a bin whatever their order.
    Without ties the counts differ by one at most. Edges that coincide leave fewer than B bins; none
    is empty.

    Raises:
        ValueError: a confidence lies outside [0, 1], or is NaN.

    >>> import torch
    >>> right = torch.tensor([True, False, True, True])
    >>> equal_mass_bins(torch.tensor([0.75, 0.25, 0.75, 0.5]), right, bins=2).edges
    array([0. , 0.5, 1. ])
    """
    ordered = np.sort(confidence.double().numpy())
    # ⌈b · images / B⌉, in integers: 0.1 · 30 is not 3
    ranks = (np.arange(1, bins) * len(ordered) + bins - 1) // bins
    edges = np.unique(ordered[ranks - 1])
    return _binned(confidence, correct, edges[edges < ordered[-1]])


def _binned(
    confidence: Float[Tensor, " images"],
    correct: Bool[Tensor, " images"],
    inner_edges: Float64[np.ndarray, " edges"],
) -> BinnedImages:
    values = confidence.double().numpy()
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1 + ROUNDING):  # NaN is not, either
        raise ValueError(
            f"confidences range from {low:.4g} to {high:.4g}; expected probabilities in [0, 1]: "
            "apply softmax to logits first"
        )
    bin_of_image = np.searchsorted(inner_edges, values).astype(np.int32)
    return BinnedImages(values, correct.numpy(), bin_of_image, inner_edges)


def expected_calibration_error(bins: FilledBins) -> PerResample:
    """ECE: the mean over images of their bin's gap between confidence and accuracy.

    Biased upwards: with few images per bin, chance makes gaps.
    """
    return _mean_over_images(bins, np.abs(bins.accuracy - bins.confidence))


def maximum_calibration_error(bins: FilledBins, smallest_bin: int = 10) -> PerResample:
    """MCE: the largest gap of a bin of at least so many images; NaN where there is none.

    The gap of smaller bins is mostly chance.
    """
    gaps = np.where(bins.images >= smallest_bin, np.abs(bins.accuracy - bins.confidence), -np.inf)
    largest = gaps.max(axis=0)
    return np.where(np.isfinite(largest), largest, np.nan)


def debiased_calibration_error(bins: FilledBins) -> PerResample:
    """ECE less an estimate of its bias (Kumar, Liang & Ma 2019; `normal_debiased_ce`, power 1).

    The gap that drawing the labels again would add is subtracted. The authors' library resamples
    A_b; here the expectation is in closed form, the mean of a folded normal (Leone et al. 1961):
    σ √(2/π) exp(−μ² / 2σ²) + μ erf(μ / σ√2) with μ = acc_b − conf_b.

    Not unbiased: for a calibrated model, 2 − √2 = 59 % of the bias remains; only the squared error
    can be unbiased. A bin whose images are all right, or all wrong, has no estimated variance and
    counts as in the ECE; so does a bin of one image, which the authors' library refuses.
    """
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    with np.errstate(invalid="ignore", divide="ignore"):
        std = np.sqrt(variance / bins.images)
        standardised = gap / std / math.sqrt(2)
        folded = std * math.sqrt(2 / math.pi) * np.exp(-(standardised**2))
        folded += gap * erf(standardised)
    # Without variance this is |gap|, its limit; without a gap as well it is 0 / 0 and counts as 0.
    return _mean_over_images(bins, 2 * np.abs(gap) - folded)


def debiased_squared_calibration_error(bins: FilledBins) -> PerResample:
    """The debiased squared ℓ2 calibration error (Kumar, Liang & Ma 2019, definition 5.2).

    In squared probability. No root is taken, and it is not clamped at 0: either would bring back a
    bias. A bin of one image has no estimate and counts as 0, as in the authors' library.
    """
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _mean_over_images(bins, gap**2 - variance / (bins.images - 1))


def _mean_over_images(bins: FilledBins, value: ByBin) -> PerResample:
    """Σ_b n_b / N · value_b; bins without a value (empty, or 0 / 0) count as 0."""
    mean: PerResample = np.nansum(bins.images * value, axis=0) / bins.images.sum(axis=0)
    return mean


METRICS = (
    Metric(
        name="ece",
        label="ECE",
        shown="overview",
        family=Calibration,
        function=lambda bins: expected_calibration_error(bins.equal_width),
        better="lower",
        biased=True,
        summary="Expected calibration error: the mean gap between confidence and accuracy.",
        formula="Σ_b n_b / N · |acc_b − conf_b| over 15 bins of equal width, (lower, upper]",
        edge_cases="In [0, 1]. Empty bins count as 0. Biased upwards: with few images per "
        "bin, gaps arise by chance.",
        source="Naeini et al. 2015; Guo et al. 2017, equation 3",
    ),
    Metric(
        name="ece_equal_mass",
        label="ECE, equal mass",
        shown="detail",
        family=Calibration,
        function=lambda bins: expected_calibration_error(bins.equal_mass),
        better="lower",
        biased=True,
        summary="The expected calibration error over bins of equally many images.",
        formula="The ECE; the upper edge of bin b of 15 is the smallest confidence with at least "
        "the share b / 15 of all images at or below it",
        edge_cases="In [0, 1]. Images of the same confidence share a bin, so there may be fewer "
        "bins. Biased upwards.",
        source="Nguyen & O'Connor 2015; Nixon et al. 2019",
    ),
    Metric(
        name="ece_debiased",
        label="ECE, debiased",
        shown="detail",
        family=Calibration,
        function=lambda bins: debiased_calibration_error(bins.equal_mass),
        better="lower",
        biased=True,
        summary="The expected calibration error minus an estimate of its bias.",
        formula="2 · ECE − Σ_b n_b / N · E|A_b − conf_b| over 15 bins of equal mass, with "
        "A_b ~ Normal(acc_b, acc_b (1 − acc_b) / n_b)",
        edge_cases="At most the ECE; slightly negative if gaps are smaller than expected by "
        "chance. Not unbiased: for a calibrated model, 59 % of the bias remains.",
        source="Kumar, Liang & Ma 2019",
    ),
    Metric(
        name="squared_ce_debiased",
        label="Squared CE, debiased",
        shown="detail",
        family=Calibration,
        function=lambda bins: debiased_squared_calibration_error(bins.equal_mass),
        better="lower",
        summary="An unbiased estimate of the squared calibration error of binned confidences.",
        formula="Σ_b n_b / N · [(conf_b − acc_b)² − acc_b (1 − acc_b) / (n_b − 1)] over 15 bins of "
        "equal mass",
        edge_cases="In [−1/4, 1]: not clamped at 0, and no root is taken. A bin of one image "
        "counts as 0.",
        source="Kumar, Liang & Ma 2019",
    ),
    Metric(
        name="mce",
        label="MCE",
        shown="detail",
        family=Calibration,
        function=lambda bins: maximum_calibration_error(bins.equal_width),
        better="lower",
        biased=True,
        undefined="no bin holds enough images",
        summary="Maximum calibration error: the largest gap of any bin.",
        formula="max_b |acc_b − conf_b| over 15 bins of equal width",
        edge_cases="In [0, 1]. Bins of fewer than 10 images are left out; undefined if no bin is "
        "left.",
        source="Guo et al. 2017, equation 5",
    ),
)
