"""The second convolution taken apart, so that many sub-networks of one image share its work.

A map of the second convolution is a sum over the first maps that dropout keeps. Its six terms do
not depend on the masks: they are computed once for each image, and a sub-network only adds some.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.arithmetic import larger, rectify, tanh
from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.convolution import add_second_convolution
from methods.engines.lenet5_kernels.layout import (
    FEATURES,
    FIRST,
    SECOND,
    Array,
    Constants,
    Maps,
    Parameters,
    f4,
)

CORNER = 28
"""Size of one corner of all 25 squares: padded, so that corners begin on 16-byte borders."""


class PartialMaps(NamedTuple):
    """Buffers for the terms of every map, and for the sum of some of them."""

    terms: Float32[Array, "16 6 4*28"]
    total: Float32[Array, " 4*28"]


@inlined
def set_partial_maps(partial: PartialMaps, parameters: Parameters, maps: Maps) -> None:
    """terms[o, c] = conv(first map c) with the kernel from c to o, for all 96 pairs."""
    values = maps.second[0]
    for o in range(SECOND):
        for c in range(FIRST):
            values[:] = f4(0)
            add_second_convolution(values, maps.shifted[c], parameters.conv2_weight[o, c])
            split_corners(partial.terms[o, c], values)


@kernel
def split_corners(corners: Float32[Array, " 4*28"], values: Float32[Array, " 10*16"]) -> None:
    """Sort a 10x10 map by the position in a 2x2 square: pooling then adds four contiguous parts."""
    for corner in range(4):
        start = 16 * (corner // 2) + corner % 2
        target = corners[CORNER * corner : CORNER * corner + FEATURES]
        for r in range(5):
            for j in range(5):
                target[5 * r + j] = values[start + 32 * r + 2 * j]


@kernel
def combine(
    features: Float32[Array, " 25"],
    partial: PartialMaps,
    o: int,
    bias: np.float32,
    keep_mask: Bool[Array, "6+"],
    constants: Constants,
) -> None:
    """Channel o's features: scale · pool(f(bias + Σ terms of the kept first channels))."""
    total = partial.total
    total[:] = bias
    for c in range(FIRST):
        if keep_mask[c]:
            term = partial.terms[o, c]
            for i in range(4 * CORNER):
                total[i] += term[i]
    if constants.relu:
        max_pool_corners(features, total, constants.kept_scale)
        return
    for i in range(4 * CORNER):
        total[i] = tanh(total[i])
    for i in range(FEATURES):
        square = (total[i] + total[i + CORNER]) + (total[i + 2 * CORNER] + total[i + 3 * CORNER])
        features[i] = constants.kept_scale * f4(0.25) * square


@kernel
def max_pool_corners(
    features: Float32[Array, " 25"], corners: Float32[Array, " 4*28"], scale: np.float32
) -> None:
    """As `max_pooling`, of a map that is sorted by corners."""
    for i in range(FEATURES):
        upper = larger(corners[i], corners[i + CORNER])
        lower = larger(corners[i + 2 * CORNER], corners[i + 3 * CORNER])
        features[i] = scale * rectify(larger(upper, lower))
