"""Scores of the mean prediction against the labels, one value per image."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from benchmarks.metrics._arguments import require_probabilities


def correct(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Bool[Tensor, " images"]:
    """Whether the most probable class is the label; ties go to the lowest class.

    Its mean is the accuracy, in [0, 1].

    Raises:
        ValueError: a row is no distribution, or a label is no class.

    >>> correct(torch.tensor([[0.9, 0.1], [0.5, 0.5]]), torch.tensor([0, 1]))
    tensor([ True, False])
    """
    _require_labels(mean, labels)
    return mean.argmax(dim=-1) == labels


def negative_log_likelihood(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, " images"]:
    """The logarithmic score (Good 1952; Gneiting & Raftery 2007), in nats.

    −log p̄_y, in [0, ∞]. Infinite where the label has probability 0, and not clipped: report
    how many values are.

    Raises:
        ValueError: a row is no distribution, or a label is no class.

    >>> negative_log_likelihood(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([0.6931,    inf], dtype=torch.float64)
    """
    _require_labels(mean, labels)
    return -mean.double().gather(-1, labels[:, None]).squeeze(-1).log()


def brier(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, " images"]:
    """The Brier score in its original form (Brier 1950).

    Σ_c (p̄_c − y_c)² with y the label as a unit vector, in [0, 2]; not halved, nor divided by the
    number of classes.

    Raises:
        ValueError: a row is no distribution, or a label is no class.

    >>> brier(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([0.5000, 2.0000], dtype=torch.float64)
    """
    _require_labels(mean, labels)
    return (
        (mean.double() - torch.nn.functional.one_hot(labels, mean.shape[-1])).square().sum(dim=-1)
    )


def _require_labels(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> None:
    require_probabilities(mean)
    images, classes = mean.shape
    if labels.shape != (images,):
        raise ValueError(f"labels have the shape {list(labels.shape)}; expected [{images}]")
    if ((labels < 0) | (labels >= classes)).any():
        raise ValueError(
            f"labels range from {int(labels.min())} to {int(labels.max())}; expected classes from "
            f"0 to {classes - 1}: images of no known class cannot be scored"
        )
