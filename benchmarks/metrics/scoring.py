"""Scores of the mean prediction against the labels: means of one value per image."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from benchmarks.metrics.metric import MeansOverImages, Metric, MetricInputs, rows_of
from methods.scores.probabilities import require_probabilities


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


class LabelMeans(MeansOverImages):
    """A metric's `function`: from the mean [images, classes] and the labels to [images]."""

    needs = frozenset({"labels"})

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "metrics images"] | None:
        """Each image's value of each metric."""
        mean, labels = arrays.prediction.mean, arrays.labels
        if labels is None:
            return None
        require_labels(mean, labels)
        return rows_of(self.each(len(mean), mean, labels))


def error_of_guessing(classes: int) -> float:
    """The error rate of a class drawn at random, whatever the labels: 1 − 1/K.

    The Brier score of equal probabilities is the same: (1 − 1/K)² + (K − 1)/K² = 1 − 1/K.
    """
    return 1 - 1 / classes


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
    require_labels(mean, labels)
    return mean.argmax(dim=-1) == labels


def negative_log_likelihood(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, " images"]:
    """The logarithmic score (Good 1952; Gneiting & Raftery 2007), in nats.

    −log p̄_y, in [0, ∞]. Infinite where the label has probability 0, and not clipped: report
    how many values are.

    >>> negative_log_likelihood(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([0.6931,    inf], dtype=torch.float64)
    """
    return -mean.double().gather(-1, labels[:, None]).squeeze(-1).log()


def brier(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, " images"]:
    """The Brier score in its original form (Brier 1950).

    Σ_c (p̄_c − y_c)² with y the label as a unit vector, in [0, 2]; not halved, nor divided by the
    number of classes.

    >>> brier(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([0.5000, 2.0000], dtype=torch.float64)
    """
    truth = torch.nn.functional.one_hot(labels, mean.shape[-1])
    return (mean.double() - truth).square().sum(dim=-1)


METRICS = (
    Metric(
        name="accuracy",
        label="Accuracy",
        shown="overview",
        family=LabelMeans,
        function=correct,
        better="higher",
        guessing=lambda classes: 1 / classes,
        summary="The share of images whose most probable class is the label.",
        formula="Mean over images of [arg max_c p̄_c = y]",
        edge_cases="In [0, 1]. Ties go to the lowest class.",
    ),
    Metric(
        name="nll",
        label="NLL",
        family=LabelMeans,
        function=negative_log_likelihood,
        unit="nats",
        better="lower",
        guessing=math.log,  # −log 1/K
        summary="Negative log-likelihood: the logarithmic score of the label, in nats.",
        formula="Mean over images of −log p̄_y",
        edge_cases="In [0, ∞]. Infinite if a label has probability 0; not clipped.",
        source="Good 1952; Gneiting & Raftery 2007",
    ),
    Metric(
        name="brier",
        label="Brier",
        family=LabelMeans,
        function=brier,
        better="lower",
        guessing=error_of_guessing,
        summary="Brier score: the squared distance of the probabilities from the label.",
        formula="Mean over images of Σ_c (p̄_c − y_c)², with y the label as a unit vector",
        edge_cases="In [0, 2]: not halved, not divided by the number of classes.",
        source="Brier 1950",
    ),
)
