"""The layers forwards and backwards: 5x5 convolutions of flat maps, pooling, linear layers.

Every map that a convolution reads comes as five copies, copy c shifted by c columns. So its 25
terms are 25 contiguous streams that begin on cache lines, and plain loops become vector code on any
processor. Five terms are added at a time: 25 would need more registers than there are.

Products of matrices are without BLAS, which would bring a thread pool of its own, and cannot skip
the channels that dropout dropped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import (
    FEATURES,
    FIRST,
    FIRST_MAP,
    FIRST_WIDTH,
    MARGIN,
    POOLED_MAP,
    POOLED_WIDTH,
    SECOND,
    SECOND_MAP,
    Array,
    f4,
    larger,
    rectify,
    tanh,
)

Convolution = Callable[[Array, Array, Array], None]


def convolution(size: int, width: int) -> Convolution:
    """The kernel that adds a convolution; sizes are constants, so that short loops unroll."""
    copy = size + 4 * width

    @kernel
    def add_convolution(
        outputs: Float32[Array, " size"],
        shifted: Float32[Array, " 5*copy"],
        weight: Float32[Array, " 25"],
    ) -> None:
        """outputs[i] += Σ_rc weight[r, c] · inputs[i + r·width + c]."""
        for r in range(5):
            x = shifted[r * width :]
            w = weight[5 * r : 5 * r + 5]
            w0, w1, w2, w3, w4 = w[0], w[1], w[2], w[3], w[4]
            for i in range(size):
                outputs[i] += (
                    w0 * x[i]
                    + w1 * x[i + copy]
                    + w2 * x[i + 2 * copy]
                    + w3 * x[i + 3 * copy]
                    + w4 * x[i + 4 * copy]
                )

    return add_convolution


def two_convolutions(size: int, width: int) -> Callable[..., None]:
    """The kernel that adds two convolutions of the same inputs, which are then read only once."""
    copy = size + 4 * width

    @kernel
    def add_convolutions(
        outputs: Float32[Array, " size"],
        others: Float32[Array, " size"],
        shifted: Float32[Array, " 5*copy"],
        weight: Float32[Array, " 25"],
        other_weight: Float32[Array, " 25"],
    ) -> None:
        """As ``add_convolution`` for (outputs, weight) and for (others, other_weight)."""
        for r in range(5):
            x = shifted[r * width :]
            w, v = weight[5 * r : 5 * r + 5], other_weight[5 * r : 5 * r + 5]
            w0, w1, w2, w3, w4 = w[0], w[1], w[2], w[3], w[4]
            v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
            for i in range(size):
                x0, x1, x2 = x[i], x[i + copy], x[i + 2 * copy]
                x3, x4 = x[i + 3 * copy], x[i + 4 * copy]
                outputs[i] += w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3 + w4 * x4
                others[i] += v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3 + v4 * x4

    return add_convolutions


def weight_gradient(size: int, width: int) -> Convolution:
    """The kernel that adds a convolution's gradient with respect to its weight."""
    copy = size + 4 * width

    @kernel
    def add_weight_gradient(
        gradient: Float32[Array, " 25"],
        errors: Float32[Array, " size"],
        shifted: Float32[Array, " 5*copy"],
    ) -> None:
        """gradient[r, c] += Σ_i errors[i] · inputs[i + r·width + c]."""
        for r in range(5):
            x = shifted[r * width :]
            g0 = g1 = g2 = g3 = g4 = f4(0)
            for i in range(size):
                error = errors[i]
                g0 += error * x[i]
                g1 += error * x[i + copy]
                g2 += error * x[i + 2 * copy]
                g3 += error * x[i + 3 * copy]
                g4 += error * x[i + 4 * copy]
            gradient[5 * r] += g0
            gradient[5 * r + 1] += g1
            gradient[5 * r + 2] += g2
            gradient[5 * r + 3] += g3
            gradient[5 * r + 4] += g4

    return add_weight_gradient


add_first_convolution = convolution(FIRST_MAP, FIRST_WIDTH)
"""From the 32x32 pixels to a 28x28 map."""
add_second_convolution = convolution(SECOND_MAP, POOLED_WIDTH)
"""From a pooled 14x14 map to a 10x10 map."""
add_second_convolutions = two_convolutions(SECOND_MAP, POOLED_WIDTH)
"""The same to two 10x10 maps."""
add_backward_convolution = convolution(POOLED_MAP, POOLED_WIDTH)
"""From the errors of a 10x10 map, with margins, to those of a 14x14 map."""
add_first_weight_gradient = weight_gradient(FIRST_MAP, FIRST_WIDTH)
add_second_weight_gradient = weight_gradient(SECOND_MAP, POOLED_WIDTH)


@kernel
def shift_left(
    shifted: Float32[Array, " 5*copy"], row: Float32[Array, " longer"], copy: int
) -> None:
    """Copy c of five, each ``copy`` long: shifted[c][i] = row[i + c]."""
    for c in range(5):
        target = shifted[c * copy : (c + 1) * copy]
        source = row[c : c + copy]
        for i in range(copy):
            target[i] = source[i]


@kernel
def shift_right(shifted: Float32[Array, " 5*288"], errors: Float32[Array, " 160"]) -> None:
    """Copy c of five, between its margins: shifted[c][margin + i + c] = errors[i].

    The convolution backwards is inputs[i] += Σ_rc weight[r, c] · errors[i − r·width − c]: the
    forward kernel with the rows of the weight reversed and the columns shifted the other way.
    """
    copy = SECOND_MAP + 2 * MARGIN
    for c in range(5):
        start = c * copy + MARGIN + c
        target = shifted[start : start + SECOND_MAP]
        for i in range(SECOND_MAP):
            target[i] = errors[i]


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


@kernel
def add_product(
    totals: Float32[Array, "rows columns"],
    left: Float32[Array, "rows terms"],
    right: Float32[Array, "terms columns"],
) -> None:
    """totals += left · right; surplus columns of ``left`` and ``right`` are padding.

    Eight rows of ``right`` at a time stay in the nearest cache while all rows of ``totals`` pass.
    """
    terms, width = right.shape[0], totals.shape[1]
    whole = terms // 8 * 8
    for k in range(0, whole, 8):
        x0, x1, x2, x3 = right[k], right[k + 1], right[k + 2], right[k + 3]
        x4, x5, x6, x7 = right[k + 4], right[k + 5], right[k + 6], right[k + 7]
        for row in range(totals.shape[0]):
            total, a = totals[row], left[row, k : k + 8]
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            for i in range(width):
                total[i] += (a0 * x0[i] + a1 * x1[i] + a2 * x2[i] + a3 * x3[i]) + (
                    a4 * x4[i] + a5 * x5[i] + a6 * x6[i] + a7 * x7[i]
                )
    for k in range(whole, terms):
        x = right[k]
        for row in range(totals.shape[0]):
            total, a0 = totals[row], left[row, k]
            for i in range(width):
                total[i] += a0 * x[i]


@kernel
def add_kept_products(
    totals: Float32[Array, "rows columns"],
    features: Float32[Array, "rows 16 25"],
    keep_mask: Bool[Array, "rows 22"],
    weights: Float32[Array, "16*25 columns"],
) -> None:
    """totals += Σ_o features[:, o] · weights[o] over the channels o that each row keeps.

    Features of channels that are dropped are never read.
    """
    width = totals.shape[1]
    for k in range(0, SECOND * FEATURES, 5):
        o, q = k // FEATURES, k % FEATURES
        w = weights[k : k + 5]
        x0, x1, x2, x3, x4 = w[0], w[1], w[2], w[3], w[4]
        for row in range(totals.shape[0]):
            if keep_mask[row, FIRST + o]:
                total, a = totals[row], features[row, o, q : q + 5]
                a0, a1, a2, a3, a4 = a[0], a[1], a[2], a[3], a[4]
                for i in range(width):
                    total[i] += a0 * x0[i] + a1 * x1[i] + a2 * x2[i] + a3 * x3[i] + a4 * x4[i]


@kernel
def fill_rows(rows: Float32[Array, "rows columns"], row: Float32[Array, " columns"]) -> None:
    """Every row becomes ``row``: where a linear layer begins with its bias."""
    for r in range(rows.shape[0]):
        copy(rows[r], row)


@kernel
def copy(target: Float32[Array, " longer"], source: Float32[Array, " size"]) -> None:
    """target = source; a surplus at the end of ``target`` is left as it is."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def add_rows(total: Float32[Array, " columns"], rows: Float32[Array, "rows columns"]) -> None:
    """total += Σ_rows rows: the gradient of a bias."""
    for r in range(rows.shape[0]):
        row = rows[r]
        for i in range(total.size):
            total[i] += row[i]


@kernel
def transpose(
    target: Float32[Array, "columns more"], source: Float32[Array, "rows columns"]
) -> None:
    """target[j, i] = source[i, j]; surplus columns of ``target`` are left as they are."""
    for j in range(source.shape[1]):
        row = target[j]
        for i in range(source.shape[0]):
            row[i] = source[i, j]


@kernel
def activate(rows: Float32[Array, "rows columns"], relu: bool) -> None:
    """Every value becomes its ReLU, or else its tanh."""
    values = rows.reshape(-1)
    if relu:
        for i in range(values.size):
            values[i] = rectify(values[i])
    else:
        for i in range(values.size):
            values[i] = tanh(values[i])


@kernel
def through_activation(
    errors: Float32[Array, "rows columns"],
    activations: Float32[Array, "rows more"],
    relu: bool,
) -> None:
    """Multiply the errors by the derivative of ReLU, or else of tanh, by its known value.

    That of ReLU at 0 is 0, as in PyTorch; that of tanh is 1 − activation².
    """
    for r in range(errors.shape[0]):
        error, activation = errors[r], activations[r]
        if relu:
            for i in range(error.size):
                error[i] = f4(0) if activation[i] <= f4(0) else error[i]
        else:
            for i in range(error.size):
                error[i] *= f4(1) - activation[i] * activation[i]
