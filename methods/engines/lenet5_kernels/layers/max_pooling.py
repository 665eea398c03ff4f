"""ReLU and 2x2 max pooling as one layer, forwards and backwards.

ReLU of the largest value is the largest ReLU: it is computed of one value in four, and maps stay
what their convolution summed up. The largest of a square with a NaN is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layers.arithmetic import larger, rectify
from methods.engines.lenet5_kernels.layout import FIRST_WIDTH, POOLED_WIDTH, Array, f4


def max_pooling(
    squares: int, columns: int, width: int
) -> Callable[[Array, Array, np.float32], None]:
    """The kernel that pools maps of rows of ``width`` to rows of ``columns``, padding included."""

    @kernel
    def max_pool(
        pooled: Float32[Array, " squares*columns"],
        values: Float32[Array, " 2*squares*width"],
        scale: np.float32,
    ) -> None:
        """pooled = scale · max(0, largest value of each 2x2 square)."""
        for r in range(squares):
            above = values[2 * r * width : (2 * r + 1) * width]
            below = values[(2 * r + 1) * width : (2 * r + 2) * width]
            target = pooled[r * columns : (r + 1) * columns]
            for j in range(columns):
                upper = larger(above[2 * j], above[2 * j + 1])
                lower = larger(below[2 * j], below[2 * j + 1])
                target[j] = scale * rectify(larger(upper, lower))

    return max_pool


def max_unpooling(
    squares: int, columns: int, width: int
) -> Callable[[Array, Array, Array, np.float32], np.float32]:
    """The kernel that leads errors back; only ``squares`` of each row's columns have any."""

    @kernel
    def max_unpool(
        errors: Float32[Array, " 2*squares*width"],
        pooled: Float32[Array, " squares*columns"],
        values: Float32[Array, " 2*squares*width"],
        scale: np.float32,
    ) -> np.float32:
        """Each square's error goes to its first largest value, if that is above zero.

        Row by row, as in PyTorch. Returns the sum of all errors. A square with a NaN passes its
        error on as well, so that what has diverged shows.
        """
        total = f4(0)
        for r in range(squares):
            value = values[2 * r * width : (2 * r + 2) * width]
            error = errors[2 * r * width : (2 * r + 2) * width]
            source = pooled[r * columns : (r + 1) * columns]
            for j in range(columns):
                a, b = value[2 * j], value[2 * j + 1]
                c, d = value[width + 2 * j], value[width + 2 * j + 1]
                largest = larger(larger(a, b), larger(c, d))
                left = f4(0) if (largest <= f4(0)) | (j >= squares) else scale * source[j]
                total += left
                error[2 * j] = f4(0) if a < largest else left
                left = left if a < largest else f4(0)
                error[2 * j + 1] = f4(0) if b < largest else left
                left = left if b < largest else f4(0)
                error[width + 2 * j] = f4(0) if c < largest else left
                error[width + 2 * j + 1] = left if c < largest else f4(0)
        return total

    return max_unpool


max_pool_first = max_pooling(14, POOLED_WIDTH, FIRST_WIDTH)
"""From a 28x28 map to a 14x14 map."""
max_pool_second = max_pooling(5, 5, POOLED_WIDTH)
"""From a 10x10 map to 25 features."""
max_unpool_first = max_unpooling(14, POOLED_WIDTH, FIRST_WIDTH)
max_unpool_second = max_unpooling(5, 5, POOLED_WIDTH)
