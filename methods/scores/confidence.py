"""The probability of the predicted class."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from methods.scores.arguments import require_probabilities
from methods.scores.score import Score


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
    of=lambda prediction: 1 - confidence(prediction.mean),
    citation="Hendrycks & Gimpel 2017",
    formula="1 − max_c p̄_c",
    in_figures=False,
)
