"""Scores of the members' probabilities: confidence, entropy and disagreement; entropies in nats.

A vote is a member's arg-max; ties go to the lowest class.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from methods.scores.score import Score

ROUNDING = 1e-3
"""How far probabilities may be from a sum of 1, or shares from whole votes: half precision."""


def require_probabilities(probabilities: Float[Tensor, "images classes"]) -> None:
    """Each row must be a distribution: of logits, entropies and Brier scores would be wrong.

    Raises:
        ValueError: the tensor has not two axes, or a row is negative, NaN or does not sum to 1.
    """
    if probabilities.ndim != 2:
        raise ValueError(
            f"probabilities have the shape {list(probabilities.shape)}; expected [images, classes]"
        )
    sums = probabilities.double().sum(dim=-1)
    valid = ((sums - 1).abs() <= ROUNDING) & (probabilities.amin(dim=-1) >= 0)
    if not valid.all():
        image = int(valid.int().argmin())
        raise ValueError(
            f"image {image} has the probabilities {probabilities[image].tolist()}; expected none "
            "below 0 and a sum of 1: apply softmax to logits first"
        )


def confidence(mean: Float[Tensor, "images classes"]) -> Float[Tensor, " images"]:
    """The probability of the most probable class (Hendrycks & Gimpel 2017), in [1 / classes, 1].

    Raises:
        ValueError: a row is no distribution.

    >>> import torch
    >>> confidence(torch.tensor([[0.25, 0.75]]))
    tensor([0.7500], dtype=torch.float64)
    """
    require_probabilities(mean)
    return mean.double().amax(dim=-1)


ONE_MINUS_MAX_PROBABILITY = Score(
    name="one_minus_max_probability",
    label="1 − max. probability",
    needs=frozenset({"probabilities"}),
    function=lambda prediction: 1 - confidence(prediction.mean),
    citation="Hendrycks & Gimpel 2017",
    formula="1 − max_c p̄_c",
    in_figures=False,
)


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
    function=lambda prediction: predictive_entropy(prediction.mean),
    unit="nats",
    citation="Gal 2016, section 3.3.1",
    formula="H(p̄) = −Σ_c p̄_c log p̄_c",
)

MUTUAL_INFORMATION = Score(
    name="mutual_information",
    label="Mutual information",
    needs=frozenset({"probabilities"}),
    function=lambda prediction: mutual_information(
        prediction.mean, prediction.expected_entropy, prediction.members
    ),
    unit="nats",
    citation="Houlsby et al. 2011, equation 2; Gal 2016, section 3.3.1",
    formula="H(p̄) − mean_m H(p_m)",
    undefined_for_one=True,
)


def pairwise_disagreement(
    vote_share: Float[Tensor, "images classes"], members: int | None
) -> Float[Tensor, " images"]:
    """The chance that two different members vote for different classes.

    1 − Σ_c v_c (v_c − 1) / (M (M − 1)) for v_c of M votes (Simpson 1949; between networks, Fort, Hu
    & Lakshminarayanan 2019), in [0, 1]. Unbiased: its expectation for any M is the
    value of the exact distribution (``members=None``), 1 − Σ_c s_c². NaN for one member.

    Raises:
        ValueError: a row is no distribution of ``members`` whole votes.

    >>> pairwise_disagreement(torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), members=4)
    tensor([0.6667, 0.0000], dtype=torch.float64)
    >>> pairwise_disagreement(torch.tensor([[0.5, 0.5, 0.0]]), members=None)
    tensor([0.5000], dtype=torch.float64)
    """
    shares = _defined_shares(vote_share, members)
    if members is None:
        return 1 - shares.square().sum(dim=-1)
    votes = (shares * members).round()
    return 1 - (votes * (votes - 1)).sum(dim=-1) / (members * (members - 1))


def variation_ratio(
    vote_share: Float[Tensor, "images classes"], members: int | None
) -> Float[Tensor, " images"]:
    """The share of members that do not vote for the class with most votes.

    1 − max_c s_c (Freeman 1965; Gal 2016, section 3.3.1), in [0, 1 − 1 / min(members, classes)].
    The class is the mode of the votes, not the arg-max of the mean. Biased low for few members:
    compare at the same ``members``. NaN for one member; ``members=None`` is the exact distribution.

    Raises:
        ValueError: a row is no distribution of ``members`` whole votes.

    >>> variation_ratio(torch.tensor([[0.25, 0.75]]), members=4)
    tensor([0.2500], dtype=torch.float64)
    """
    return 1 - _defined_shares(vote_share, members).amax(dim=-1)


def vote_entropy(
    vote_share: Float[Tensor, "images classes"], members: int | None
) -> Float[Tensor, " images"]:
    """Entropy of the votes, in nats (Dagan & Engelson 1995, not divided by log members).

    H(s) = −Σ_c s_c log s_c, in [0, log min(members, classes)]. Biased low for few members:
    compare at the same ``members``. NaN for one member; ``members=None`` is the exact distribution.

    Raises:
        ValueError: a row is no distribution of ``members`` whole votes.

    >>> vote_entropy(torch.tensor([[0.5, 0.5]]), members=2)
    tensor([0.6931], dtype=torch.float64)
    """
    summed: Tensor = torch.special.entr(_defined_shares(vote_share, members)).sum(dim=-1)
    return summed


def _defined_shares(
    vote_share: Float[Tensor, "images classes"], members: int | None
) -> Float[Tensor, "images classes"]:
    """The shares; NaN for one member, whose disagreement is undefined."""
    require_probabilities(vote_share)
    shares = vote_share.double().clamp(max=1)  # rounding may lift exact shares
    if members is None:
        return shares
    votes = shares * members
    if members < 1 or ((votes - votes.round()).abs() > ROUNDING).any():
        raise ValueError(
            f"vote_share is not of whole votes of {members} members; expected multiples of "
            "1 / members: pass Prediction.vote_share, not its mean, and members=None if exact"
        )
    return torch.full_like(shares, torch.nan) if members == 1 else shares


PAIRWISE_DISAGREEMENT = Score(
    name="pairwise_disagreement",
    label="Disagreement",
    needs=frozenset({"probabilities"}),
    function=lambda prediction: pairwise_disagreement(prediction.vote_share, prediction.members),
    citation="Simpson 1949; between networks, Fort, Hu & Lakshminarayanan 2019",
    formula="1 − Σ_c v_c (v_c − 1) / (M (M − 1)); 1 − Σ_c s_c² for the exact distribution",
    undefined_for_one=True,
)

VARIATION_RATIO = Score(
    name="variation_ratio",
    label="Variation ratio",
    needs=frozenset({"probabilities"}),
    function=lambda prediction: variation_ratio(prediction.vote_share, prediction.members),
    citation="Freeman 1965; Gal 2016, section 3.3.1",
    formula="1 − max_c s_c",
    undefined_for_one=True,
    in_figures=False,
)
