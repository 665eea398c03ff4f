"""The check that refuses arguments which would silently give a wrong number."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

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
    valid = ((sums - 1).abs() <= ROUNDING) & (probabilities >= 0).all(dim=-1)
    if not valid.all():
        image = int(valid.int().argmin())
        raise ValueError(
            f"image {image} has the probabilities {probabilities[image].tolist()}; expected none "
            "below 0 and a sum of 1: apply softmax to logits first"
        )
