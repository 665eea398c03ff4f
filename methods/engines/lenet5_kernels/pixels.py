"""From the image that a person sees to the pixels that the first convolution reads."""

from __future__ import annotations

from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import Array, Scales, f4


@kernel
def resize(
    row: Float32[Array, " 32*32+16"],
    image: Float32[Array, " 28*28"],
    scales: Scales,
    tall: Float32[Array, "32 30"],
) -> None:
    """Resize 28x28 to 32x32, bilinear, and normalise; ``tall`` is room for the step between.

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
                target[i] = scales.pixel * value + scales.pixel_offset
