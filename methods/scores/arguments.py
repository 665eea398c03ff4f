"""The checks that refuse arguments which would silently give a wrong number."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
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


def require_flags(values: Float[Tensor, " images"], flags: Bool[Tensor, " images"]) -> None:
    """Each value must be a number with a flag: NaN cannot be ranked, and labels are no flags.

    Raises:
        ValueError: the shapes differ or are not [images], no image, flags not Bool, or a NaN.
    """
    if values.ndim != 1 or values.shape != flags.shape or values.numel() == 0:
        raise ValueError(
            f"values have the shape {list(values.shape)}, flags {list(flags.shape)}; "
            "expected [images] for both, with at least one image"
        )
    if flags.dtype != torch.bool:
        raise ValueError(f"flags are {flags.dtype}; expected torch.bool: compare with labels first")
    if values.isnan().any():
        raise ValueError(
            f"{int(values.isnan().sum())} of {len(values)} values are NaN and cannot be ranked; "
            "leave out a score that is undefined (such as mutual information of one member)"
        )


def require_labels(mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]) -> None:
    """Each row must be a distribution, and each label one of its classes.

    Raises:
        ValueError: a row is no distribution, or a label is no class.
    """
    require_probabilities(mean)
    images, classes = mean.shape
    if labels.shape != (images,):
        raise ValueError(f"labels have the shape {list(labels.shape)}; expected [{images}]")
    if ((labels < 0) | (labels >= classes)).any():
        raise ValueError(
            f"labels range from {int(labels.min())} to {int(labels.max())}; expected classes from "
            f"0 to {classes - 1}: images of no known class cannot be scored"
        )
