"""The compiled loops over images and resamples; resamples are the inner, contiguous axis.

So each loop over resamples compiles to vector instructions. Sums are whole numbers, or added up in
the order of the images, so that the bits depend neither on the processor nor on how the work is
divided.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numba
import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Shaped, UInt8

LoopFunction = TypeVar("LoopFunction", bound=Callable[..., Any])


def _compiled(function: LoopFunction) -> LoopFunction:
    """Compile on the first call, or load from the cache of an earlier process."""
    compile_it = partial(numba.njit, nogil=True, error_model="numpy")
    dispatcher: LoopFunction
    try:
        dispatcher = compile_it(cache=True)(function)
    except RuntimeError:  # no folder for the cache can be written
        dispatcher = compile_it()(function)
    return dispatcher


@_compiled
def bin_sums(
    bin_of_image: Int32[np.ndarray, " images"],
    confidence: Float64[np.ndarray, " images"],
    correct: Bool[np.ndarray, " images"],
    weights: UInt8[np.ndarray, "images resamples"],
    sums: Float64[np.ndarray, "3 bins resamples"],
) -> None:
    """Add to the sums each bin's images, confidences and correct images."""
    images, resamples = weights.shape
    for i in range(images):
        weight, k = weights[i], bin_of_image[i]
        count, confident, right = sums[0, k], sums[1, k], sums[2, k]  # of sums[:, k] it is slow
        for b in range(resamples):
            count[b] += weight[b]
        for b in range(resamples):
            confident[b] += weight[b] * confidence[i]
        if correct[i]:
            for b in range(resamples):
                right[b] += weight[b]


@_compiled
def count_steps(
    rows: Int64[np.ndarray, " images"],
    ends: Bool[np.ndarray, " images"],
    positive: Bool[np.ndarray, " images"],
    weights: Shaped[np.ndarray, "images resamples"],
    counts: Float64[np.ndarray, "2 steps resamples"],
) -> None:
    """Count the images, and the positive ones, up to each one in ``rows`` that ends a step.

    ``ends``, ``positive``: in the order of ``rows``. The first step of the counts is left as it is.
    """
    resamples = weights.shape[1]
    step, starts = 1, True
    for k in range(len(rows)):
        weight = weights[rows[k]]
        images, positives = counts[0, step], counts[1, step]
        before = step - 1 if starts else step
        images_before, positives_before = counts[0, before], counts[1, before]
        for b in range(resamples):
            images[b] = images_before[b] + weight[b]
        for b in range(resamples):
            positives[b] = positives_before[b] + (weight[b] if positive[k] else 0)
        starts = ends[k]
        if starts:
            step += 1
