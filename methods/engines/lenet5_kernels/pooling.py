"""From one resolution to another: images resized, maps activated and pooled, errors unpooled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.arithmetic import larger, rectify, tanh
from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import FIRST_WIDTH, POOLED_WIDTH, Array, f4


@kernel
def resize(
    row: Float32[Array, " 32*32+16"],
    image: Float32[Array, " 28*28"],
    tall: Float32[Array, "32 30"],
    pixel_scale: np.float32,
    pixel_offset: np.float32,
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
                target[i] = pixel_scale * value + pixel_offset


def pooling(
    squares: int, columns: int, width: int
) -> Callable[[Array, Array, np.float32, bool], None]:
    """The kernel that pools maps of rows of ``width`` to rows of ``columns``, padding included."""

    @kernel
    def pool(
        pooled: Float32[Array, " squares*columns"],
        values: Float32[Array, " 2*squares*width"],
        scale: np.float32,
        relu: bool,
    ) -> None:
        """pooled = scale · max(0, largest value of each 2x2 square), or scale · mean of its tanh.

        Values become their tanh, from which follows its derivative on the way back.
        """
        if not relu:
            for i in range(2 * squares * width):
                values[i] = tanh(values[i])
        for r in range(squares):
            above = values[2 * r * width : (2 * r + 1) * width]
            below = values[(2 * r + 1) * width : (2 * r + 2) * width]
            target = pooled[r * columns : (r + 1) * columns]
            if relu:
                for j in range(columns):
                    upper = larger(above[2 * j], above[2 * j + 1])
                    lower = larger(below[2 * j], below[2 * j + 1])
                    target[j] = scale * rectify(larger(upper, lower))
            else:
                for j in range(columns):
                    square = (above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])
                    target[j] = scale * f4(0.25) * square

    return pool


def unpooling(
    squares: int, columns: int, width: int
) -> Callable[[Array, Array, Array, np.float32, bool], np.float32]:
    """The kernel that leads errors back; only ``squares`` of each row's columns have any."""

    @kernel
    def unpool(
        errors: Float32[Array, " 2*squares*width"],
        pooled: Float32[Array, " squares*columns"],
        values: Float32[Array, " 2*squares*width"],
        scale: np.float32,
        relu: bool,
    ) -> np.float32:
        """Back through scale, pooling and activation; returns the sum of all errors.

        Through mean and tanh: e' = scale/4 · e · (1 − value²) for each value of a square. Through
        maximum and ReLU: each square's error goes to its first largest value, if that is above
        zero; row by row, as in PyTorch. A square with a NaN passes its error on as well, so that
        what has diverged shows.
        """
        total = f4(0)
        if (
            columns == squares and not relu
        ):  # row by row: the order of the sum decides its last bits
            for r in range(2 * squares):
                source = pooled[r // 2 * columns : (r // 2 + 1) * columns]
                value = values[r * width : r * width + 2 * columns]
                error = errors[r * width : r * width + 2 * columns]
                for j in range(2 * columns):
                    error[j] = scale * f4(0.25) * source[j // 2] * (f4(1) - value[j] * value[j])
                    total += error[j]
            return total
        for r in range(squares):
            value = values[2 * r * width : (2 * r + 2) * width]
            error = errors[2 * r * width : (2 * r + 2) * width]
            source = pooled[r * columns : (r + 1) * columns]
            if relu:
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
            else:
                for j in range(columns):
                    slope = f4(0) if j >= squares else scale * f4(0.25) * source[j]
                    for i in (2 * j, 2 * j + 1, width + 2 * j, width + 2 * j + 1):
                        error[i] = slope * (f4(1) - value[i] * value[i])
                        total += error[i]
        return total

    return unpool


pool_first = pooling(14, POOLED_WIDTH, FIRST_WIDTH)
"""From a 28x28 map to a 14x14 map."""
pool_second = pooling(5, 5, POOLED_WIDTH)
"""From a 10x10 map to 25 features."""
unpool_first = unpooling(14, POOLED_WIDTH, FIRST_WIDTH)
unpool_second = unpooling(5, 5, POOLED_WIDTH)
