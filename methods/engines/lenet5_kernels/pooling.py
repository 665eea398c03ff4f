"""From one resolution to another: images resized, maps pooled, errors unpooled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.arithmetic import larger, rectify
from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import FIRST_WIDTH, POOLED_WIDTH, Array, Constants, f4


@kernel
def resize(
    row: Float32[Array, " 32*32+16"],
    image: Float32[Array, " 28*28"],
    constants: Constants,
    tall: Float32[Array, "32 30"],
) -> None:
    """Resize 28x28 to 32x32, bilinear, and normalise; ``tall`` is a buffer for the step between.

    With ``align_corners=False`` output i looks at position 7/8·(i + 1/2) − 1/2. So eight outputs
    repeat one pattern over seven inputs, output 8b + i being

        (2i + 1)/16 · x[7b + i − 1] + (15 − 2i)/16 · x[7b + i]

    with x[−1] = x[0] and x[28] = x[27]. First down the columns, then along the rows.
    """
    for block in range(4):
        for i in range(8):
            share = f4((2 * i + 1) / 16)
            above = 28 * max(7 * block + i - 1, 0)
            below = 28 * min(7 * block + i, 27)
            upper, lower = image[above : above + 28], image[below : below + 28]
            line = tall[8 * block + i]
            for j in range(28):
                line[j + 1] = share * upper[j] + (f4(1) - share) * lower[j]
            line[0], line[29] = line[1], line[28]
    for y in range(32):
        for block in range(4):
            source = tall[y, 7 * block : 7 * block + 9]
            target = row[32 * y + 8 * block : 32 * y + 8 * block + 8]
            for i in range(8):
                share = f4(i) * f4(0.125) + f4(0.0625)
                value = share * source[i] + (f4(1) - share) * source[i + 1]
                target[i] = constants.pixel_scale * value + constants.pixel_offset


@kernel
def pool_first(
    pooled: Float32[Array, " 15*16"], values: Float32[Array, " 28*32"], scale: np.float32
) -> None:
    """scale times the mean of every 2x2 square of a 28x28 map, padding included."""
    for r in range(14):
        above, below = values[64 * r : 64 * r + 32], values[64 * r + 32 : 64 * r + 64]
        target = pooled[16 * r : 16 * r + 16]
        for j in range(16):
            square = (above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])
            target[j] = scale * f4(0.25) * square


@kernel
def pool_second(
    features: Float32[Array, " 25"], values: Float32[Array, " 10*16"], scale: np.float32
) -> None:
    """scale times the mean of every 2x2 square of a 10x10 map, without its padding."""
    for r in range(5):
        above, below = values[32 * r : 32 * r + 16], values[32 * r + 16 : 32 * r + 32]
        target = features[5 * r : 5 * r + 5]
        for j in range(5):
            square = (above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])
            target[j] = scale * f4(0.25) * square


@kernel
def unpool_second(
    errors: Float32[Array, " 10*16"],
    features: Float32[Array, " 25"],
    values: Float32[Array, " 10*16"],
    scale: np.float32,
) -> np.float32:
    """Back through scale, mean of four and tanh: e' = scale/4 · e · (1 − value²); returns Σ e'.

    The padding of the map is never written: it stays zero.
    """
    total = f4(0)
    for r in range(10):
        source = features[5 * (r // 2) : 5 * (r // 2) + 5]
        value, error = values[16 * r : 16 * r + 10], errors[16 * r : 16 * r + 10]
        for j in range(10):
            error[j] = scale * f4(0.25) * source[j // 2] * (f4(1) - value[j] * value[j])
            total += error[j]
    return total


@kernel
def unpool_first(
    errors: Float32[Array, " 28*32"],
    pooled: Float32[Array, " 14*16"],
    values: Float32[Array, " 28*32"],
    scale: np.float32,
) -> np.float32:
    """As `unpool_second`, for a 28x28 map; the padding's errors are products with zero."""
    total = f4(0)
    for r in range(14):
        pooled[16 * r + 14] = pooled[16 * r + 15] = f4(0)
    for r in range(14):
        source = pooled[16 * r : 16 * r + 16]
        value, error = values[64 * r : 64 * r + 64], errors[64 * r : 64 * r + 64]
        for j in range(16):
            slope = scale * f4(0.25) * source[j]
            for i in (2 * j, 2 * j + 1, 2 * j + 32, 2 * j + 33):
                error[i] = slope * (f4(1) - value[i] * value[i])
                total += error[i]
    return total


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
