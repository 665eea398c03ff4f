"""Scores of each member's logits or probabilities; of several members the mean is taken."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from methods.scores.score import Score
from methods.shapes import MemberLogits

GAMMA = 0.1
"""The exponent of the generalised entropy, as its authors recommend."""


def negative_max_logit(logits: MemberLogits) -> Float64[Tensor, " images"]:
    """−max_c z_c (Hendrycks et al. 2022, section 3), the mean over members; any real number.

    >>> negative_max_logit(torch.tensor([[[2.0, 1.0]], [[4.0, 5.0]]]))
    tensor([-3.5000], dtype=torch.float64)
    """
    return _mean_over_members(lambda member: -member.amax(dim=-1), logits)


def energy(logits: MemberLogits) -> Float64[Tensor, " images"]:
    """−log Σ_c exp z_c (Liu et al. 2020, equation 4, temperature 1), the mean over members.

    Any real number; it does not overflow.

    >>> energy(torch.tensor([[[0.0, 0.0]]]))
    tensor([-0.6931], dtype=torch.float64)
    """
    return _mean_over_members(lambda member: -member.logsumexp(dim=-1), logits)


def generalised_entropy(
    probabilities: Float[Tensor, "members images classes"],
) -> Float64[Tensor, " images"]:
    """GEN: Σ_c p_c^γ (1 − p_c)^γ with γ = 0.1 (Liu, Lochman & Zach 2023, equation 3).

    The mean over members; in [0, classes / 4^γ]. All classes are summed: the authors leave out the
    least probable ones only beyond 100. Nothing is clamped, so that a class of probability 0
    counts as 0.

    >>> generalised_entropy(torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]))
    tensor([1.7411, 0.0000], dtype=torch.float64)
    """
    return _mean_over_members(
        lambda member: (member * (1 - member)).pow(GAMMA).sum(dim=-1), probabilities
    )


def _mean_over_members(
    score: Callable[[Tensor], Tensor], members: Float[Tensor, "members images classes"]
) -> Float64[Tensor, " images"]:
    """One member at a time: all at once in double precision take much memory."""
    return torch.stack([score(member.double()) for member in members]).mean(dim=0)


MAX_LOGIT = Score(
    name="max_logit",
    label="Max. logit",
    needs=frozenset({"logits"}),
    function=negative_max_logit,
    citation="Hendrycks et al. 2022, section 3",
    formula="Mean over members of −max_c z_c, with logits z",
    in_figures=False,
)

ENERGY = Score(
    name="energy",
    label="Energy",
    needs=frozenset({"logits"}),
    function=energy,
    citation="Liu et al. 2020, equation 4",
    formula="Mean over members of −log Σ_c exp z_c, with logits z",
    in_figures=False,
)

GEN = Score(
    name="gen",
    label="Generalised entropy",
    needs=frozenset({"members"}),
    function=generalised_entropy,
    citation="Liu, Lochman & Zach 2023, equation 3",
    formula="Mean over members of Σ_c p_mc^γ (1 − p_mc)^γ with γ = 0.1",
    in_figures=False,
)
