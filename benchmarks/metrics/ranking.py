"""Metrics of where the positive images are in a ranking of images by a score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from benchmarks.io import UserError
from benchmarks.metrics.kernels import count_steps
from benchmarks.metrics.metric import Family, MetricsByResample, Weights, each_once

Counts = Float64[Tensor, "steps resamples"]
"""How many images there are up to the end of each step; the first is 0."""

ByResample = Float64[Tensor, " resamples"]

TINY = float(np.finfo(float).tiny)


class Ranking(NamedTuple):
    """Images by rising value; those of the same value are one step.

    Attributes:
        rows: which images.
        ends: whether an image is the last of its step.
        positive: whether it is one of those that are to come last, or first.
    """

    rows: Int64[np.ndarray, " images"]
    ends: Bool[np.ndarray, " images"]
    positive: Bool[np.ndarray, " images"]

    @classmethod
    def by(
        cls, values: Float[np.ndarray, " images"], positive: Bool[np.ndarray, " images"]
    ) -> Ranking:
        """Sort the images; their order within a step is of no account."""
        rows = np.argsort(values)
        ordered = values[rows]
        return cls(rows, np.append(ordered[1:] != ordered[:-1], True), positive[rows])

    def counts(self, weights: Weights) -> Float64[Tensor, "2 steps resamples"]:
        """Of all images and of the positive ones, each counted as often as it weighs.

        >>> ranking = Ranking.by(np.array([0.3, 0.1, 0.1]), np.array([True, True, False]))
        >>> ranking.counts(np.ones((3, 1), np.uint8))[..., 0].tolist()
        [[0.0, 2.0, 3.0], [0.0, 1.0, 2.0]]
        """
        counts = np.zeros((2, np.count_nonzero(self.ends) + 1, weights.shape[1]))
        count_steps(*self, weights, counts)
        return torch.from_numpy(counts)


class RankedImages(Family):
    """A metric's `function`: from the counts of all and of positive images to [resamples]."""

    def ranked_values(self, ranking: Ranking, weights: Weights) -> MetricsByResample:
        """The metrics on resamples of all images of a ranking."""
        by_metric = self.each(weights.shape[1], *ranking.counts(weights))
        values: MetricsByResample = np.stack(by_metric)
        return values

    def gradients(self, ranking: Ranking) -> Float64[np.ndarray, "metrics images"]:
        """The derivative of each metric by each image's weight, at weights of one.

        An image adds to the count of images, a positive one to both, from its step on.

        Raises:
            UserError: PyTorch cannot differentiate the function of a metric.
        """
        once = ranking.counts(each_once(len(ranking.rows)))
        added = once.diff(dim=1).requires_grad_()
        counts = pad(added.cumsum(dim=1), (0, 0, 1, 0))
        step = np.cumsum(ranking.ends) - ranking.ends
        gradients = np.empty((len(self.metrics), len(step)))
        for metric, row in zip(self.metrics, gradients, strict=True):
            try:
                (gradient,) = torch.autograd.grad(
                    metric.function(*counts), added, retain_graph=True
                )
            except RuntimeError as error:
                raise UserError(
                    f"PyTorch cannot differentiate the function of the metric {metric.name!r} "
                    f"({error}); a family whose intervals come from resamples takes any function"
                ) from None
            by_images, by_positives = gradient.numpy()[..., 0]
            row[ranking.rows] = by_images[step] + ranking.positive * by_positives[step]
        return gradients


def centred(
    gradients: Float64[np.ndarray, "metrics images"],
) -> Float64[np.ndarray, "metrics images"]:
    """Influences of images of which always as many are drawn."""
    count = gradients.shape[1]
    influences: Float64[np.ndarray, "metrics images"] = count * (
        gradients - gradients.mean(axis=1, keepdims=True)
    )
    return influences


def share(part: Tensor, whole: Tensor) -> Tensor:
    """The quotient; 0 at a step without an image."""
    return part / whole.clamp(min=TINY)


def share_of_pairs(earlier: Counts, later: Counts) -> ByResample:
    """AUROC: the pairs of both kinds in the order that is expected; ties count one half.

    NaN if either kind is absent. Pairs are counted in whole numbers.
    """
    pairs: Tensor = later.diff(dim=0) * (earlier[1:] + earlier[:-1])
    return pairs.sum(dim=0) / (2 * earlier[-1] * later[-1])


def first_step(counts: Counts, least: ByResample) -> Int64[Tensor, " resamples"]:
    """The first step by which there are at least so many images.

    >>> counts = torch.tensor([[0.0, 0.0], [2.0, 1.0], [3.0, 3.0]])
    >>> first_step(counts, torch.tensor([2.0, 2.0]))
    tensor([1, 2])
    """
    low = torch.zeros(len(least), dtype=torch.int64)
    high = torch.full_like(low, len(counts) - 1)
    while (low < high).any():
        middle = (low + high) // 2
        is_reached = counts.gather(0, middle[None])[0] >= least
        low, high = torch.where(is_reached, low, middle + 1), torch.where(is_reached, middle, high)
    return low
