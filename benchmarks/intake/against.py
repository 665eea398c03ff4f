"""Predictions against other distributions of the same images: people's answers, and a reference's.

A file of these has a row an image, in the order of the labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from scipy.stats import norm, spearmanr
from torch import Tensor

from benchmarks.intake.checks import HUMANS, AnyArray, ArrayError, check_rows
from benchmarks.run.image_values import ImageValues
from methods.scores import probability_scores

QUANTILE = float(norm.ppf(0.975))


class AgainstRow(NamedTuple):
    """A row of ``against.csv``.

    Attributes:
        against: ``humans`` or ``reference``.
        measure: of people, with their shares q of the classes and p of the prediction: ``nll``,
            −Σ q log p in nats; ``brier``, Σ (p − q)²; and ``rank_correlation``, Spearman's of a
            score and the entropy of q. Of a reference, with its probabilities q: ``agreement``, the
            share of images with the same top class; and ``total_variation``, ½ Σ abs(p − q)
            (Wilson et al. 2022).
        score: by which images are ranked; empty: by none.
        value: the mean over images, or the correlation; infinite where a class with answers has
            the probability 0, NaN where all images have one rank.
        lower, upper: a plain 95 % interval over images: that of a mean, or of a correlation by
            Fisher's transform with the variance (1 + ρ² / 2) / (n − 3) (Bonett & Wright 2000).
        images: how many.
    """

    method: str
    against: str
    measure: str
    score: str
    value: float
    lower: float
    upper: float
    images: int


def rows_against(
    name: str,
    shares: Float[Tensor, "images classes"],
    method: str,
    means: Float64[Tensor, "images classes"],
    predicted: ImageValues,
) -> Iterator[AgainstRow]:
    """Measures of a method's predictions against the shares of the classes.

    Args:
        name: ``humans`` or ``reference``.
        means: the members' mean probabilities; ``predicted`` has the scores of the same.
    """
    if name == HUMANS:
        measures = {
            "nll": -torch.special.xlogy(shares, means).sum(dim=1),
            "brier": (means - shares).square().sum(dim=1),
        }
    else:
        measures = {
            "agreement": (means.argmax(dim=1) == shares.argmax(dim=1)).double(),
            "total_variation": (means - shares).abs().sum(dim=1) / 2,
        }
    images = len(means)
    for measure, values in measures.items():
        value = values.mean().item()
        variance = (values - value).square().sum().item() / (images - 1) if images > 1 else math.nan
        half_width = QUANTILE * math.sqrt(variance / images)
        bounds = value - half_width, value + half_width
        yield AgainstRow(method, name, measure, "", value, *bounds, images)
    if name == HUMANS:
        # Sorted, so that the same answers for other classes have the same sum, to the last bit.
        entropies = torch.special.entr(shares.sort(dim=1).values).sum(dim=1).numpy()
        for score in (*probability_scores(), *predicted.own_scores):
            if (ranks := predicted.score(score)) is not None:
                correlation = rank_correlation(ranks.numpy(), entropies)
                yield AgainstRow(method, name, "rank_correlation", score, *correlation, images)


def rank_correlation(first: AnyArray, second: AnyArray) -> tuple[float, float, float]:
    """Spearman's correlation and the ends of its interval; NaN where one has no two values.

    >>> [round(x, 3) for x in rank_correlation(np.arange(100), np.arange(100) % 97)]
    [0.831, 0.744, 0.89]
    """
    if not (np.ptp(first) > 0 and np.ptp(second) > 0):  # also of NaN
        return math.nan, math.nan, math.nan
    value = float(spearmanr(first, second).statistic)
    if len(first) < 4 or abs(value) == 1:
        return value, math.nan, math.nan
    center = math.atanh(value)
    width = QUANTILE * math.sqrt((1 + value**2 / 2) / (len(first) - 3))
    return value, math.tanh(center - width), math.tanh(center + width)


def shares_of(
    name: str, array: AnyArray, labels: Int64[Tensor, " images"], classes: int
) -> Float[Tensor, "images classes"]:
    """The shares of the classes, from people's counts or a reference's probabilities.

    Raises:
        ArrayError: they are not of these images and classes, or as if in another order.
    """
    if array.shape != (len(labels), classes) or array.dtype.kind not in "fiu":
        raise ArrayError(
            name,
            f"has the shape {list(array.shape)} and the type {array.dtype}; expected numbers "
            f"[images, classes], of {len(labels):,} images and {classes} classes",
        )
    values = array.astype(np.float64)
    if name == HUMANS:
        totals = values.sum(axis=1, keepdims=True)
        sound = (totals[:, 0] > 0) & (np.isfinite(values) & (values >= 0)).all(axis=1)
        unsound = np.flatnonzero(~sound)
        if len(unsound):
            raise ArrayError(
                name,
                f"has in row {unsound[0]} {values[unsound[0]].tolist()}; expected how many people "
                "gave each class, at least one answer an image",
            )
        values = values / totals
    else:
        check_rows(name, values[None], 0, from_logits=False)
    accuracy, chance = float((values.argmax(axis=1) == labels.numpy()).mean()), 1 / classes
    least = chance + 3 * math.sqrt(chance * (1 - chance) / len(labels))
    if accuracy < min(least, 1):
        raise ArrayError(
            name,
            f"has as the top class the label for {accuracy:.1%} of the images, as by chance; put "
            "its rows into the order of the labels",
        )
    return torch.from_numpy(values)
