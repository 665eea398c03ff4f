"""Pointwise 95 % bands of curves, over the draw of images; from arrays alone.

A band covers each point separately, not the curve as a whole, and it is one of the network or
ensemble at hand, since only images are resampled. Bands are vertical (vertical averaging, Fawcett
2006, section 8.1); their bounds are percentiles, which stay within [0, 1]. At a curve's ends, where
few images count, bands are too narrow: no resample has an error where the images have none.
Reliability needs no resamples: in a bin of given images, the number of correct ones is binomial.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8
from scipy.special import ndtri

from benchmarks.inference.bootstrap.weights import image_weights
from benchmarks.vocabulary import CONFIDENCE

Draws = UInt8[np.ndarray, "resamples images"]
"""How often each image is drawn into each resample."""

Bounds = Float64[np.ndarray, "2 points"]
"""Lower and upper."""

_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def image_draws(images: int, resamples: int, seed: int) -> Draws:
    """The multinomial weights of `image_weights`, a row a resample."""
    blocks = image_weights(images, resamples, seed)
    return np.ascontiguousarray(np.concatenate(list(blocks), axis=1).T)


def wilson_interval(
    share: Float[np.ndarray, " points"], count: Int[np.ndarray, " points"]
) -> Bounds:
    """The interval of a probability from a share of independent images (Wilson 1927).

    NaN where there is no image.

    >>> wilson_interval(np.array([0.5, 1.0]), np.array([10, 10])).round(3).tolist()
    [[0.237, 0.722], [0.763, 1.0]]
    """
    squared = ndtri(_TAILS[1]) ** 2
    centre = (count * share + squared / 2) / (count + squared)
    variance = count * share * (1 - share) + squared / 4
    half_width = np.sqrt(squared * variance) / (count + squared)
    # Rounding alone would leave a share of 1 outside of its interval.
    lower, upper = centre - half_width, centre + half_width
    return np.stack([np.minimum(lower, share), np.maximum(upper, share)])


def roc_band(
    negatives: Float[np.ndarray, " negatives"],
    positives: Float[np.ndarray, " positives"],
    draws: tuple[Draws, Draws],
    false_positive_rates: Float64[np.ndarray, " points"],
) -> Bounds:
    """The band of a ROC curve: of the share of positives flagged, at these shares of negatives.

    Higher scores are flagged first. A resample's curve is interpolated linearly; where it rises
    vertically, its upper end counts. ``draws``: of the negatives and the positives.
    """
    scores = np.concatenate([negatives, positives])
    positive = np.arange(len(scores)) >= len(negatives)
    weights = np.concatenate(draws, axis=1)
    traced = _traced(-scores, ~positive, positive, weights, false_positive_rates)
    return _bounds([flagged / len(positives) for flagged in traced])


def risk_band(
    uncertainty: Float[np.ndarray, " images"],
    correct: Bool[np.ndarray, " images"],
    draws: Draws,
    coverages: Float64[np.ndarray, " points"],
) -> Bounds:
    """The band of the error rate among the most certain images, at these coverages above 0.

    Expected over the order of images of the same uncertainty, copies of an image among them.
    """
    traced = _traced(uncertainty, np.ones_like(correct), ~correct, draws, coverages)
    return _bounds([errors / (coverages * len(correct)) for errors in traced])


def _traced(
    rising: Float[np.ndarray, " images"],
    across: Bool[np.ndarray, " images"],
    up: Bool[np.ndarray, " images"],
    draws: Draws,
    shares: Float64[np.ndarray, " points"],
) -> Iterator[Float64[np.ndarray, " points"]]:
    """Of each resample's curve, the number of images in ``up`` at shares of those in ``across``.

    The curve goes through the images by rising value; those of the same value are one step.
    """
    order = np.argsort(rising, kind="stable")
    ordered = rising[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    across, up = across[order], up[order]
    for drawn in draws:
        weights = drawn[order]
        x, y = (
            # Whole numbers are added up six times as fast as doubles.
            np.append(0, np.cumsum(weights * which, dtype=np.int32)[ends])
            for which in (across, up)
        )
        yield np.interp(shares, x / x[-1], y)


def _bounds(resampled: list[Float64[np.ndarray, " points"]]) -> Bounds:
    bounds: Bounds = np.quantile(np.stack(resampled), _TAILS, axis=0)
    return bounds
