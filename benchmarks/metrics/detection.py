"""Detection: how well a score distinguishes positive (out-of-distribution) images from negative.

``scores``: higher is more uncertain, hence more likely positive; any scale, infinite values too.
``positive``: True for the class to be detected. Images of equal score are flagged together: the
result does not depend on their order. All metrics are NaN if either class is absent.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from benchmarks.metrics._arguments import require_flags


def auroc(scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative.

    #{s₊ > s₋} + ½ #{s₊ = s₋} over all pairs (Hanley & McNeil 1982; Hendrycks & Gimpel 2017,
    section 2), in [0, 1]; 0.5 by chance, and for a constant score. Pairs are counted in integers.

    Raises:
        ValueError: a score is NaN, or has no flag.

    >>> auroc(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True]))
    0.875
    """
    positives, negatives = _counts_from_the_top(scores, positive)
    above = positives.cumsum(0) - positives
    twice_won = int((negatives * (2 * above + positives)).sum())
    return _ratio(twice_won, 2 * int(positives.sum()) * int(negatives.sum()))


def aupr_out(scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]) -> float:
    """Average precision for the positives, "AUPR-Out" (Hendrycks & Gimpel 2017, section 2).

    Σ_t (R_t − R_{t−1}) P_t over the distinct scores t from the highest down, with recall R and
    precision P of flagging {score ≥ t}; no interpolation. In (0, 1]; by chance the prevalence, the
    share of positives, so state it.

    Raises:
        ValueError: a score is NaN, or has no flag.

    >>> scores = torch.tensor([0.1, 0.4, 0.4, 0.8])
    >>> round(aupr_out(scores, torch.tensor([False, False, True, True])), 4)
    0.8333
    """
    positives, negatives = _counts_from_the_top(scores, positive)
    if not (positives.any() and negatives.any()):
        return math.nan
    precision = positives.cumsum(0) / (positives + negatives).cumsum(0).double()
    return float((positives * precision).sum() / positives.sum())


def aupr_in(scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]) -> float:
    """Average precision for the negatives, "AUPR-In" (Hendrycks & Gimpel 2017, section 2).

    `aupr_out` with negated scores and exchanged classes: in-distribution images are detected by
    their low scores. In (0, 1]; by chance 1 − prevalence.

    Raises:
        ValueError: a score is NaN, or has no flag.

    >>> aupr_in(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True]))
    0.8333333333333333
    """
    return aupr_out(-scores, ~positive)


def fpr95(scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]) -> float:
    """Share of negatives that must be flagged to flag 95 % of the positives.

    #{negative, score ≥ t} / #negative for the highest score t at which {score ≥ t} holds at least
    95 % of the positives, compared in integers; in [0, 1], and 1 for a constant score. As in Liang,
    Li & Srikant 2018 with the classes exchanged: their positives are in-distribution, ours are not.

    Raises:
        ValueError: a score is NaN, or has no flag.

    >>> fpr95(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True]))
    0.5
    """
    positives, negatives = _counts_from_the_top(scores, positive)
    # flagged / all ≥ 0.95, without the rounding of 0.95 · all
    threshold = torch.searchsorted(20 * positives.cumsum(0), 19 * positives.sum())
    return _ratio(int(negatives.cumsum(0)[threshold]), int(negatives.sum() * positives.any()))


def roc_curve(
    scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]
) -> tuple[Float[Tensor, " thresholds"], Float[Tensor, " thresholds"]]:
    """Shares of negatives and of positives that are flagged at each threshold, from none to all.

    For the distinct scores t from the highest down #{negative, score ≥ t} / #negative and
    #{positive, score ≥ t} / #positive, after the point (0, 0). Joined by straight lines, the area
    below is the `auroc`.

    Raises:
        ValueError: a score is NaN, or has no flag.

    >>> roc_curve(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([False, False, True, True]))[1]
    tensor([0.0000, 0.5000, 1.0000, 1.0000], dtype=torch.float64)
    """
    flagged_positives, flagged_negatives = (
        torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        for counts in _counts_from_the_top(scores, positive)
    )
    return (
        flagged_negatives.double() / flagged_negatives[-1],
        flagged_positives.double() / flagged_positives[-1],
    )


def _counts_from_the_top(
    scores: Float[Tensor, " images"], positive: Bool[Tensor, " images"]
) -> tuple[Int64[Tensor, " distinct"], Int64[Tensor, " distinct"]]:
    """Positives and negatives at each distinct score, from the highest down."""
    require_flags(scores, positive)
    distinct, rank = torch.unique(scores, return_inverse=True)
    positives = torch.bincount(rank[positive], minlength=len(distinct))
    negatives = torch.bincount(rank[~positive], minlength=len(distinct))
    return positives.flip(0), negatives.flip(0)


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
