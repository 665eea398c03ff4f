"""A second implementation of the metrics, of one set of images at a time, in PyTorch.

Tests compare the suite's families with it, on resamples as images that are repeated. It shares
nothing with them: it has no weights, and it adds up over distinct scores and over bins.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor


def auroc(scores: Tensor, positive: Tensor) -> float:
    positives, negatives = _counts_from_the_top(scores, positive)
    above = positives.cumsum(0) - positives
    twice_won = int((negatives * (2 * above + positives)).sum())
    return _ratio(twice_won, 2 * int(positives.sum()) * int(negatives.sum()))


def aupr_out(scores: Tensor, positive: Tensor) -> float:
    positives, negatives = _counts_from_the_top(scores, positive)
    if not (positives.any() and negatives.any()):
        return math.nan
    precision = positives.cumsum(0) / (positives + negatives).cumsum(0).double()
    return float((positives * precision).sum() / positives.sum())


def aupr_in(scores: Tensor, positive: Tensor) -> float:
    return aupr_out(-scores, ~positive)


def fpr95(scores: Tensor, positive: Tensor) -> float:
    positives, negatives = _counts_from_the_top(scores, positive)
    # flagged / all ≥ 0.95, without the rounding of 0.95 · all
    threshold = torch.searchsorted(20 * positives.cumsum(0), 19 * positives.sum())
    return _ratio(int(negatives.cumsum(0)[threshold]), int(negatives.sum() * positives.any()))


def roc_curve(scores: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of negatives and of positives that are flagged at each threshold, from none to all."""
    flagged_positives, flagged_negatives = (
        torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        for counts in _counts_from_the_top(scores, positive)
    )
    return (
        flagged_negatives.double() / flagged_negatives[-1],
        flagged_positives.double() / flagged_positives[-1],
    )


def _counts_from_the_top(scores: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Positives and negatives at each distinct score, from the highest down."""
    distinct, rank = torch.unique(scores, return_inverse=True)
    positives = torch.bincount(rank[positive], minlength=len(distinct))
    negatives = torch.bincount(rank[~positive], minlength=len(distinct))
    return positives.flip(0), negatives.flip(0)


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan


def risk_coverage_curve(uncertainty: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
    """Coverage i / n, and the error rate among the i most certain of n images, for i = 1 … n."""
    _, rank, tied = torch.unique(uncertainty, return_inverse=True, return_counts=True)
    errors = torch.bincount(rank, (~correct).double())
    # In a random order, each of the tied images is an error with the error rate of the tie.
    expected_errors = (errors / tied).repeat_interleave(tied).cumsum(0)
    selected = torch.arange(1, len(correct) + 1).double()
    return selected / len(correct), expected_errors / selected


def misclassification_auroc(uncertainty: Tensor, correct: Tensor) -> float:
    return auroc(uncertainty, ~correct)


def aurc(uncertainty: Tensor, correct: Tensor) -> float:
    _, risk = risk_coverage_curve(uncertainty, correct)
    return float(risk.mean())


def augrc(uncertainty: Tensor, correct: Tensor) -> float:
    coverage, risk = risk_coverage_curve(uncertainty, correct)
    joint = torch.cat([risk.new_zeros(1), coverage * risk])
    return float(torch.trapezoid(joint, dx=1 / len(correct)))


def error_at_coverage(uncertainty: Tensor, correct: Tensor, *, percent: int) -> float:
    coverage, risk = risk_coverage_curve(uncertainty, correct)
    kept = -(-len(coverage) * percent // 100)
    return float(risk[kept - 1])


error_at_coverage_99 = partial(error_at_coverage, percent=99)
error_at_coverage_95 = partial(error_at_coverage, percent=95)
error_at_coverage_90 = partial(error_at_coverage, percent=90)
error_at_coverage_80 = partial(error_at_coverage, percent=80)


class Bins(NamedTuple):
    """Images, mean confidence and accuracy of each bin."""

    count: Tensor
    confidence: Tensor
    accuracy: Tensor


def equal_width_edges(bins: int = 15) -> Tensor:
    return torch.arange(1, bins, dtype=torch.float64) / bins


def equal_mass_edges(confidence: Tensor, bins: int = 15) -> Tensor:
    ordered = confidence.double().sort().values
    ranks = (torch.arange(1, bins) * len(ordered) + bins - 1) // bins
    edges = torch.unique(ordered[ranks - 1])
    return edges[edges < ordered[-1]]


def fill(inner_edges: Tensor, confidence: Tensor, correct: Tensor) -> Bins:
    bin_of_image = torch.bucketize(confidence, inner_edges)
    bins = len(inner_edges) + 1
    count = torch.bincount(bin_of_image, minlength=bins)
    means = (
        torch.bincount(bin_of_image, values, bins) / count
        for values in (confidence, correct.double())
    )
    return Bins(count, *means)


def expected_calibration_error(bins: Bins) -> float:
    return _mean_over_images(bins, (bins.accuracy - bins.confidence).abs())


def maximum_calibration_error(bins: Bins, smallest_bin: int = 10) -> float:
    gaps = (bins.accuracy - bins.confidence).abs()[bins.count >= smallest_bin]
    return float(gaps.max()) if len(gaps) else math.nan


def debiased_calibration_error(bins: Bins) -> float:
    gap = bins.accuracy - bins.confidence
    std = (bins.accuracy * (1 - bins.accuracy) / bins.count).sqrt()
    standardised = gap / std / math.sqrt(2)
    folded = (
        std * math.sqrt(2 / math.pi) * torch.exp(-standardised.square()) + gap * standardised.erf()
    )
    return _mean_over_images(bins, 2 * gap.abs() - folded)


def debiased_squared_calibration_error(bins: Bins) -> float:
    gap, variance = bins.accuracy - bins.confidence, bins.accuracy * (1 - bins.accuracy)
    return _mean_over_images(bins, gap.square() - variance / (bins.count - 1))


def _mean_over_images(bins: Bins, value: Tensor) -> float:
    return float((bins.count * value).nansum() / bins.count.sum())
