"""Selective prediction: the error rate among the images on which the model is most certain.

``uncertainty``: higher is less certain, any scale. For images of equal uncertainty, every value is
the expectation over all their orders, computed exactly.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.metrics._arguments import require_flags


def risk_coverage_curve(
    uncertainty: Float[Tensor, " images"], correct: Bool[Tensor, " images"]
) -> tuple[Float[Tensor, " images"], Float[Tensor, " images"]]:
    """Error rate among the i most certain of n images, for i = 1 … n (El-Yaniv & Wiener 2010).

    Returns the coverage i / n, in (0, 1], and the selective risk #{errors among the i} / i, in
    [0, 1], whose last value is the error rate of all.

    Raises:
        ValueError: an uncertainty is NaN, or has no flag.

    >>> coverage, risk = risk_coverage_curve(
    ...     torch.tensor([0.3, 0.3, 0.1, 0.9]), torch.tensor([True, False, True, False])
    ... )
    >>> coverage
    tensor([0.2500, 0.5000, 0.7500, 1.0000], dtype=torch.float64)
    >>> risk
    tensor([0.0000, 0.2500, 0.3333, 0.5000], dtype=torch.float64)
    """
    require_flags(uncertainty, correct)
    _, rank, tied = torch.unique(uncertainty, return_inverse=True, return_counts=True)
    errors = torch.bincount(rank, (~correct).double())
    # In a random order, each of the tied images is an error with the error rate of the tie.
    expected_errors = (errors / tied).repeat_interleave(tied).cumsum(0)
    selected = torch.arange(1, len(correct) + 1, device=correct.device).double()
    return selected / len(correct), expected_errors / selected


def aurc(uncertainty: Float[Tensor, " images"], correct: Bool[Tensor, " images"]) -> float:
    """Area under the risk-coverage curve (Geifman, Uziel & El-Yaniv 2019), in [0, 1].

    1/n Σ_i #{errors among the i most certain} / i: the mean over i = 1 … n of the selective risk.
    For a constant uncertainty it is the error rate.

    Raises:
        ValueError: an uncertainty is NaN, or has no flag.

    >>> aurc(torch.tensor([0.1, 0.2]), torch.tensor([True, False]))
    0.25
    """
    _, risk = risk_coverage_curve(uncertainty, correct)
    return float(risk.mean())


def augrc(uncertainty: Float[Tensor, " images"], correct: Bool[Tensor, " images"]) -> float:
    """Area under the generalised risk-coverage curve (Traub et al. 2024), in [0, 1/2].

    The area, by trapezoids over the coverage from (0, 0), under the joint rate of selected
    errors, #{errors among the i most certain} / n. Equal to (1 − AUROC) · a (1 − a) + ½ (1 − a)²
    with accuracy a and the AUROC of detecting the errors. For a constant uncertainty it is half the
    error rate.

    Raises:
        ValueError: an uncertainty is NaN, or has no flag.

    >>> augrc(torch.tensor([0.1, 0.2]), torch.tensor([True, False]))
    0.125
    """
    coverage, risk = risk_coverage_curve(uncertainty, correct)
    joint = torch.cat([risk.new_zeros(1), coverage * risk])
    return float(torch.trapezoid(joint, dx=1 / len(correct)))
