"""Curves and their pointwise 95 % bands, over the draw of images; from arrays alone.

A band covers each point separately, not the curve as a whole, and it is one of the network or
ensemble at hand, since only images are resampled. Bands are vertical (vertical averaging, Fawcett
2006, section 8.1); their bounds are percentiles, which stay within [0, 1]. At a curve's ends, where
few images count, bands are too narrow: no resample has an error where the images have none.
Reliability needs no resamples: in a bin of given images, the number of correct ones is binomial.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.special import ndtri

from benchmarks.inference.resampling import BLOCK, image_weights
from benchmarks.metrics.detection import flagging_order
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.vocabulary import CONFIDENCE

Bounds = Float64[np.ndarray, "2 points"]
"""Lower and upper."""

Curve = Float64[np.ndarray, "3 points"]
"""The value of the images themselves, then lower and upper bound."""

_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def image_draws(images: int, resamples: int, seed: int) -> Weights:
    """The multinomial weights of `image_weights`, all at once."""
    return np.concatenate(list(image_weights(images, resamples, seed)), axis=1)


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


def roc_curve(
    negatives: Float[np.ndarray, " negatives"],
    positives: Float[np.ndarray, " positives"],
    draws: tuple[Weights, Weights] | None,
    false_positive_rates: Float64[np.ndarray, " points"],
) -> Curve:
    """The ROC curve: the share of positives that are flagged, at these shares of negatives.

    Higher scores are flagged first. The curve is interpolated linearly between the thresholds;
    where it rises vertically, its upper end counts. ``draws``: of the negatives and the positives;
    without them bounds are NaN.
    """
    order = flagging_order(negatives, positives)

    def traced(weights: Weights) -> Float64[np.ndarray, "resamples points"]:
        flagged, hits = order.counts(weights)
        columns = zip((flagged - hits).T.numpy(), hits.T.numpy(), strict=True)
        return np.stack(
            [np.interp(false_positive_rates, x / x[-1], y) / len(positives) for x, y in columns]
        )

    (curve,) = traced(each_once(len(order.rows)))
    if draws is None:
        return np.stack([curve, *np.full((2, len(curve)), np.nan)])
    both = np.concatenate(draws)
    starts = range(BLOCK, both.shape[1], BLOCK)
    blocks = [traced(np.ascontiguousarray(block)) for block in np.split(both, starts, axis=1)]
    return np.stack([curve, *np.quantile(np.concatenate(blocks), _TAILS, axis=0)])
