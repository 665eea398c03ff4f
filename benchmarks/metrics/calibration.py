"""Top-label calibration: whether the predicted class is right as often as its probability.

First bin the images, by `equal_width_bins` or `equal_mass_bins`; then summarise the bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from benchmarks.metrics._arguments import ROUNDING, require_flags, require_probabilities


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """A reliability diagram as numbers (DeGroot & Fienberg 1983). Bins are (lower, upper].

    Attributes:
        lower, upper: the edges; together the bins cover [0, 1].
        count: images in the bin.
        confidence: mean confidence of the bin's images; NaN if it is empty.
        accuracy: share of the bin's images that are correct; NaN if it is empty.
    """

    lower: Float[Tensor, " bins"]
    upper: Float[Tensor, " bins"]
    count: Int64[Tensor, " bins"]
    confidence: Float[Tensor, " bins"]
    accuracy: Float[Tensor, " bins"]


def confidence(mean: Float[Tensor, "images classes"]) -> Float[Tensor, " images"]:
    """The probability of the most probable class (Hendrycks & Gimpel 2017), in [1 / classes, 1].

    Raises:
        ValueError: a row is no distribution.

    >>> confidence(torch.tensor([[0.25, 0.75]]))
    tensor([0.7500], dtype=torch.float64)
    """
    require_probabilities(mean)
    return mean.double().amax(dim=-1)


def equal_width_bins(
    confidence: Float[Tensor, " images"], correct: Bool[Tensor, " images"], bins: int = 15
) -> ReliabilityBins:
    """Images in bins of equal width (Guo et al. 2017, section 2).

    Bin b of B is ((b − 1) / B, b / B]; a confidence of 0 falls into the first, and of 1 into the
    last. Bins may be empty.

    Raises:
        ValueError: a confidence lies outside [0, 1], or has no flag.

    >>> equal_width_bins(torch.tensor([0.4, 0.8, 1.0]), torch.tensor([True, False, True]), 2).count
    tensor([1, 2])
    """
    inner = torch.arange(1, bins, dtype=torch.float64, device=confidence.device) / bins
    return _fill(inner, confidence, correct)


def equal_mass_bins(
    confidence: Float[Tensor, " images"], correct: Bool[Tensor, " images"], bins: int = 15
) -> ReliabilityBins:
    """Images in bins of equal counts (Nguyen & O'Connor 2015; Nixon et al. 2019).

    The upper edge of bin b of B is the smallest confidence with at least the share b / B of all
    images at or below it, so that images of the same confidence share a bin whatever their order.
    Without ties the counts differ by one at most. Edges that coincide leave fewer than B bins; none
    is empty.

    Raises:
        ValueError: a confidence lies outside [0, 1], or has no flag.

    >>> right = torch.tensor([True, False, True, True])
    >>> equal_mass_bins(torch.tensor([0.9, 0.4, 0.8, 0.6]), right, bins=2).upper
    tensor([0.6000, 1.0000], dtype=torch.float64)
    >>> equal_mass_bins(torch.tensor([0.4, 1.0, 1.0, 1.0]), right, bins=4).count
    tensor([1, 3])
    """
    require_flags(confidence, correct)
    ordered = confidence.double().sort().values
    share = torch.arange(1, bins, device=confidence.device) * len(ordered)
    ranks = (share + bins - 1) // bins  # ⌈b · images / B⌉, in integers: 0.1 · 30 is not 3
    edges = torch.unique(ordered[ranks - 1])
    return _fill(edges[edges < ordered[-1]], confidence, correct)


def expected_calibration_error(bins: ReliabilityBins) -> float:
    """ECE (Naeini et al. 2015; Guo et al. 2017, equation 3), in [0, 1].

    Σ_b n_b / N · |acc_b − conf_b|. Biased upwards: with few images per bin, chance makes gaps.

    >>> confidences, right = torch.tensor([0.7, 0.7, 0.9]), torch.tensor([True, False, True])
    >>> round(expected_calibration_error(equal_width_bins(confidences, right)), 4)
    0.1667
    """
    return _mean_over_images(bins, (bins.accuracy - bins.confidence).abs())


def maximum_calibration_error(bins: ReliabilityBins, smallest_bin: int = 10) -> float:
    """MCE (Guo et al. 2017, equation 5), in [0, 1].

    max_b |acc_b − conf_b| over bins of at least ``smallest_bin`` images: the gap of smaller
    bins is mostly chance. NaN if no bin has that many.

    >>> confidences, right = torch.tensor([0.7, 0.7, 0.9]), torch.tensor([True, False, True])
    >>> round(maximum_calibration_error(equal_width_bins(confidences, right), smallest_bin=2), 4)
    0.2
    """
    gaps = (bins.accuracy - bins.confidence).abs()[bins.count >= smallest_bin]
    return float(gaps.max()) if len(gaps) else math.nan


def debiased_calibration_error(bins: ReliabilityBins) -> float:
    """ECE less an estimate of its bias (Kumar, Liang & Ma 2019; `normal_debiased_ce`, power 1).

    2 · ECE − Σ_b n_b / N · E|A_b − conf_b| with A_b ~ Normal(acc_b, acc_b (1 − acc_b) / n_b): the
    gap that drawing the labels again would add is subtracted. The authors' library resamples A_b;
    here the expectation is in closed form, the mean of a folded normal (Leone et al. 1961):
    σ √(2/π) exp(−μ² / 2σ²) + μ erf(μ / σ√2) with μ = acc_b − conf_b.

    At most the ECE; negative where the gaps are smaller than expected by chance. Not unbiased: for
    a calibrated model, 2 − √2 = 59 % of the bias remains; only the squared error can be unbiased. A
    bin whose images are all right, or all wrong, has no estimated variance and counts as in the
    ECE; so does a bin of one image, which the authors' library refuses.

    >>> confidences, right = torch.full((4,), 0.75), torch.tensor([True, True, True, False])
    >>> round(debiased_calibration_error(equal_width_bins(confidences, right)), 4)
    -0.1727
    """
    gap = bins.accuracy - bins.confidence
    std = (bins.accuracy * (1 - bins.accuracy) / bins.count).sqrt()
    standardised = gap / std / math.sqrt(2)
    folded = (
        std * math.sqrt(2 / math.pi) * torch.exp(-standardised.square()) + gap * standardised.erf()
    )
    # Without variance this is |gap|, its limit; without a gap as well it is 0 / 0 and counts as 0.
    return _mean_over_images(bins, 2 * gap.abs() - folded)


def debiased_squared_calibration_error(bins: ReliabilityBins) -> float:
    """The debiased squared ℓ2 calibration error of binned confidences (Kumar, Liang & Ma 2019).

    Σ_b n_b / N · [(conf_b − acc_b)² − acc_b (1 − acc_b) / (n_b − 1)] (section 5, definition 5.2;
    `unbiased_square_ce`), in [−1/4, 1], in squared probability. No root is taken, and it is not
    clamped at 0: either would bring back a bias. A bin of one image has no estimate and counts as
    0, as in the authors' library.

    >>> confidences, right = torch.full((4,), 0.75), torch.tensor([True, True, True, False])
    >>> debiased_squared_calibration_error(equal_width_bins(confidences, right))
    -0.0625
    """
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    return _mean_over_images(bins, gap.square() - variance / (bins.count - 1))


def _fill(
    inner_edges: Float[Tensor, " edges"],
    confidence: Float[Tensor, " images"],
    correct: Bool[Tensor, " images"],
) -> ReliabilityBins:
    require_flags(confidence, correct)
    confidence = confidence.double().contiguous()
    low, high = float(confidence.min()), float(confidence.max())
    if low < 0 or high > 1 + ROUNDING:
        raise ValueError(
            f"confidences range from {low:.4g} to {high:.4g}; expected probabilities in [0, 1]: "
            "apply softmax to logits first"
        )
    ends = inner_edges.new_tensor([0.0, 1.0])
    lower, upper = torch.cat([ends[:1], inner_edges]), torch.cat([inner_edges, ends[1:]])
    bin_of_image = torch.bucketize(confidence, inner_edges)
    count = torch.bincount(bin_of_image, minlength=len(lower))

    def mean(values: Float[Tensor, " images"]) -> Float[Tensor, " bins"]:
        return torch.bincount(bin_of_image, values, len(lower)) / count

    return ReliabilityBins(lower, upper, count, mean(confidence), mean(correct.double()))


def _mean_over_images(bins: ReliabilityBins, value: Float[Tensor, " bins"]) -> float:
    """Σ_b n_b / N · value_b; bins without a value (empty, or 0 / 0) count as 0."""
    return float((bins.count * value).nansum() / bins.count.sum())
