"""From one resolution to another: the image resized, maps pooled, and errors unpooled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import Array, Constants, f4


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
