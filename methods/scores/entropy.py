"""Entropy of the members' mean, and the part of it due to their disagreement. In nats."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from methods.scores.arguments import ROUNDING, require_probabilities
from methods.scores.score import Score


def entropy(probabilities: Float[Tensor, "images classes"]) -> Float[Tensor, " images"]:
    """Shannon entropy of each row, in nats (Shannon 1948, section 6).

    H(p) = −Σ_c p_c log p_c, in [0, log classes]; 0 log 0 = 0, exactly.

    Raises:
        ValueError: a row is no distribution.

    >>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.6931, 0.0000], dtype=torch.float64)
    """
    require_probabilities(probabilities)
    summed: Tensor = torch.special.entr(probabilities.double()).sum(dim=-1)
    return summed


def predictive_entropy(mean: Float[Tensor, "images classes"]) -> Float[Tensor, " images"]:
    """Entropy of the members' mean p̄: the total uncertainty (Gal 2016, section 3.3.1).

    H(p̄), in nats, in [0, log classes]. Not the mean of the members' entropies, which is
    also called "entropy" elsewhere: that is `Prediction.expected_entropy`, the aleatoric part.

    Raises:
        ValueError: a row is no distribution.

    >>> predictive_entropy(torch.tensor([[0.5, 0.5]]))
    tensor([0.6931], dtype=torch.float64)
    """
    return entropy(mean)


def mutual_information(
    mean: Float[Tensor, "images classes"],
    expected_entropy: Float[Tensor, " images"],
    members: int | None,
) -> Float[Tensor, " images"]:
    """Mutual information of the class and the member: the epistemic part of the uncertainty.

    H(p̄) − mean_m H(p_m), in nats (Houlsby et al. 2011, equation 2; Gal 2016, section 3.3.1), in
    [0, log min(members, classes)]. Not negative, by Jensen's inequality: values that rounding
    makes negative are 0. This plug-in estimate grows with the number of members: compare methods
    at the same ``members``. NaN for one member, where 0 would claim agreement; ``members=None`` is
    the exact distribution.

    Raises:
        ValueError: a row of ``mean`` is no distribution, or the difference is negative by more than
            rounding.

    Two members, [1, 0] and [0, 1], are certain of different classes:

    >>> mutual_information(torch.tensor([[0.5, 0.5]]), torch.tensor([0.0]), members=2)
    tensor([0.6931], dtype=torch.float64)
    """
    information = predictive_entropy(mean) - expected_entropy.double()
    if (information < -ROUNDING).any():
        raise ValueError(
            f"expected_entropy exceeds the entropy of the mean by {-float(information.min()):.3g}; "
            "expected at most as much: take both from the same members, in nats"
        )
    return torch.full_like(information, torch.nan) if members == 1 else information.clamp(min=0)


PREDICTIVE_ENTROPY = Score(
    name="predictive_entropy",
    label="Predictive entropy",
    needs=frozenset({"probabilities"}),
    of=lambda prediction: predictive_entropy(prediction.mean),
    unit="nats",
    citation="Gal 2016, section 3.3.1",
    formula="H(p̄) = −Σ_c p̄_c log p̄_c",
    bin_width=0.08,
)

MUTUAL_INFORMATION = Score(
    name="mutual_information",
    label="Mutual information",
    needs=frozenset({"probabilities"}),
    of=lambda prediction: mutual_information(
        prediction.mean, prediction.expected_entropy, prediction.members
    ),
    unit="nats",
    citation="Houlsby et al. 2011, equation 2; Gal 2016, section 3.3.1",
    formula="H(p̄) − mean_m H(p_m)",
    undefined_for_one=True,
    bin_width=0.02,
)
