"""The compiled loops over images and resamples; resamples are the inner, contiguous axis.

So each loop over resamples compiles to vector instructions. Sums are exact integers in float64, or
added up in the order of the images, so that the bits depend neither on the processor nor on how the
work is divided.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numba
import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt8, UInt32

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
def _column_sums(
    weights: UInt8[np.ndarray, "images resamples"],
) -> Float64[np.ndarray, " resamples"]:
    sums = np.zeros(weights.shape[1])
    for weight in weights:
        for b in range(len(sums)):
            sums[b] += weight[b]
    return sums


@_compiled
def count_draws(
    drawn: UInt32[np.ndarray, "resamples images"], counts: UInt8[np.ndarray, "resamples images"]
) -> None:
    """Add to the counts how often each image was drawn into each resample."""
    for b in range(len(drawn)):
        for i in drawn[b]:
            counts[b, i] += 1


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
        weight = weights[i]
        count, confident, right = sums[:, bin_of_image[i]]
        for b in range(resamples):
            count[b] += weight[b]
        for b in range(resamples):
            confident[b] += weight[b] * confidence[i]
        if correct[i]:
            for b in range(resamples):
                right[b] += weight[b]


@_compiled
def _pairs(here: float, before: float, tied: float) -> float:
    """Twice the pairs that images win against those before them; ties count one half.

    AUROC is the share of all pairs of both kinds (Hanley & McNeil 1982).
    """
    return here * (2 * before + tied)


@_compiled
def detect(
    rows: Int32[np.ndarray, " images"],
    ends: Bool[np.ndarray, " images"],
    negatives: UInt8[np.ndarray, "negatives resamples"],
    positives: UInt8[np.ndarray, "positives resamples"],
    values: Float64[np.ndarray, "4 resamples"],
) -> None:
    """AUROC, AUPR-Out, AUPR-In and FPR95 in one pass from the highest score down.

    ``rows``: the images by falling score, positives numbered after the negatives; ``ends``: whether
    an image is the last of its score.
    """
    first_positive, resamples = negatives.shape
    all_negatives, all_positives = _column_sums(negatives), _column_sums(positives)
    # Images of higher scores, and of the current score.
    above_n, above_p = np.zeros(resamples), np.zeros(resamples)
    here_n, here_p = np.zeros(resamples), np.zeros(resamples)
    won, flagged = np.zeros(resamples), np.zeros(resamples)
    precision_out, precision_in = np.zeros(resamples), np.zeros(resamples)
    for k in range(len(rows)):
        if rows[k] >= first_positive:
            weight = positives[rows[k] - first_positive]
            for b in range(resamples):
                here_p[b] += weight[b]
        else:
            weight = negatives[rows[k]]
            for b in range(resamples):
                here_n[b] += weight[b]
        if not ends[k]:
            continue
        alone = k == 0 or ends[k - 1]
        if not alone or rows[k] < first_positive:
            for b in range(resamples):
                won[b] += _pairs(here_n[b], above_p[b], here_p[b])
                flagged[b] += here_n[b] if 20 * above_p[b] < 19 * all_positives[b] else 0.0
            for b in range(resamples):
                left_n, left_p = all_negatives[b] - above_n[b], all_positives[b] - above_p[b]
                precision_in[b] += here_n[b] * left_n / max(left_n + left_p, 1.0)
            for b in range(resamples):
                above_n[b] += here_n[b]
                here_n[b] = 0.0
        if not alone or rows[k] >= first_positive:
            for b in range(resamples):
                above_p[b] += here_p[b]
            for b in range(resamples):
                precision_out[b] += here_p[b] * above_p[b] / max(above_p[b] + above_n[b], 1.0)
            for b in range(resamples):
                here_p[b] = 0.0
    for b in range(resamples):
        if all_positives[b] == 0 or all_negatives[b] == 0:
            values[:, b] = np.nan
            continue
        values[0, b] = won[b] / (2 * all_positives[b] * all_negatives[b])
        values[1, b] = precision_out[b] / all_positives[b]
        values[2, b] = precision_in[b] / all_negatives[b]
        values[3, b] = flagged[b] / all_negatives[b]


@_compiled
def select(
    rows: Int32[np.ndarray, " images"],
    ends: Bool[np.ndarray, " images"],
    correct: Bool[np.ndarray, " images"],
    weights: UInt8[np.ndarray, "images resamples"],
    values: Float64[np.ndarray, "3 resamples"],
) -> None:
    """AUROC of detecting the errors, AURC and AUGRC in one pass from the most certain image on.

    ``rows``: the images by rising uncertainty; ``ends``: whether an image is the last of its
    uncertainty; ``correct``: in the order of ``rows``. Copies of an image are ties: of m images
    with e errors after a images with E errors, in a random order,

        Σ_{k=1..m} (E + e k / m) / (a + k) = e + (E − a e / m) (H_{a+m} − H_a)

    with the harmonic numbers H_k = 1 + 1/2 + … + 1/k.
    """
    resamples = weights.shape[1]
    # Less the last one, so that differences keep most digits among the last images: most errors.
    harmonic = np.zeros(int(_column_sums(weights).max()) + 1)
    for k in range(len(harmonic) - 1, 0, -1):
        harmonic[k - 1] = harmonic[k] - 1 / k
    right, wrong = np.zeros(resamples), np.zeros(resamples)
    here_right, here_wrong = np.zeros(resamples), np.zeros(resamples)
    before, after = np.zeros(resamples), np.zeros(resamples)
    position = np.zeros(resamples, dtype=np.int32)
    won, risk, area = np.zeros(resamples), np.zeros(resamples), np.zeros(resamples)
    for k in range(len(rows)):
        weight = weights[rows[k]]
        for b in range(resamples):
            position[b] += weight[b]
        if ends[k] and (k == 0 or ends[k - 1]):  # alone: without the divisions that ties need
            for b in range(resamples):
                after[b] = harmonic[position[b]]
            if correct[k]:
                for b in range(resamples):
                    risk[b] += wrong[b] * (after[b] - before[b])
                    area[b] += 2 * weight[b] * wrong[b]
                for b in range(resamples):
                    right[b] += weight[b]
            else:
                for b in range(resamples):
                    risk[b] += weight[b] - right[b] * (after[b] - before[b])
                    area[b] += weight[b] * (2 * wrong[b] + weight[b])
                for b in range(resamples):
                    won[b] += _pairs(weight[b], right[b], 0.0)
                    wrong[b] += weight[b]
            for b in range(resamples):
                before[b] = after[b]
            continue
        here = here_right if correct[k] else here_wrong
        for b in range(resamples):
            here[b] += weight[b]
        if not ends[k]:
            continue
        for b in range(resamples):
            after[b] = harmonic[position[b]]
        for b in range(resamples):
            rate = here_wrong[b] / max(here_right[b] + here_wrong[b], 1.0)
            earlier = wrong[b] - rate * (right[b] + wrong[b])
            risk[b] += here_wrong[b] + earlier * (after[b] - before[b])
        for b in range(resamples):
            won[b] += _pairs(here_wrong[b], right[b], here_right[b])
            area[b] += (here_right[b] + here_wrong[b]) * (2 * wrong[b] + here_wrong[b])
        for b in range(resamples):
            right[b] += here_right[b]
            wrong[b] += here_wrong[b]
        for b in range(resamples):
            before[b] = after[b]
            here_right[b] = 0.0
            here_wrong[b] = 0.0
    for b in range(resamples):
        drawn = right[b] + wrong[b]
        values[0, b] = won[b] / (2 * right[b] * wrong[b])
        values[1, b] = risk[b] / drawn
        values[2, b] = area[b] / (2 * drawn * drawn)


@_compiled
def abstain(
    rows: Int32[np.ndarray, " images"],
    ends: Bool[np.ndarray, " images"],
    correct: Bool[np.ndarray, " images"],
    weights: UInt8[np.ndarray, "images resamples"],
    coverages: Int64[np.ndarray, " coverages"],
    values: Float64[np.ndarray, "coverages resamples"],
) -> None:
    """The error rate of the images that are kept when the least certain are left out.

    ``rows``, ``ends``, ``correct``: as in `select`; ``coverages``: the shares of images that are
    kept, in percent, rounded up to whole images. Images are visited from the least certain on, as
    far as any coverage leaves them out; of a tie left out in part, errors are so in proportion.
    """
    resamples = weights.shape[1]
    drawn, wrong = _column_sums(weights), np.zeros(resamples)
    for k in range(len(rows)):
        if not correct[k]:
            for b in range(resamples):
                wrong[b] += weights[rows[k], b]
    left_out = np.empty((len(coverages), resamples))
    for c in range(len(coverages)):
        for b in range(resamples):
            left_out[c, b] = np.floor(drawn[b] * (100 - coverages[c]) / 100)
    most = left_out.max()
    visited, here, here_wrong = np.zeros(resamples), np.zeros(resamples), np.zeros(resamples)
    errors_left_out = np.zeros((len(coverages), resamples))
    has_errors = False
    for k in range(len(rows) - 1, -1, -1):
        weight = weights[rows[k]]
        for b in range(resamples):
            here[b] += weight[b]
        if not correct[k]:
            has_errors = True
            for b in range(resamples):
                here_wrong[b] += weight[b]
        if k > 0 and not ends[k - 1]:
            continue
        if has_errors:
            for c in range(len(coverages)):
                for b in range(resamples):
                    taken = min(max(left_out[c, b] - visited[b], 0.0), here[b])
                    errors_left_out[c, b] += taken * here_wrong[b] / max(here[b], 1.0)
        for b in range(resamples):
            visited[b] += here[b]
            here[b] = 0.0
            here_wrong[b] = 0.0
        has_errors = False
        if k % 64 == 0 and visited.min() >= most:
            break
    for c in range(len(coverages)):
        for b in range(resamples):
            values[c, b] = (wrong[b] - errors_left_out[c, b]) / (drawn[b] - left_out[c, b])
