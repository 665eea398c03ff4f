"""The layers forwards and backwards: 5x5 convolutions of sixteen images, pooling, linear layers.

All are plain loops that become vector code on any processor. What costs most is written out: of a
row, as many numbers stay in registers as there are registers for, while several weights pass; so a
number is loaded and stored once for 5 to 25 multiply-adds. Sizes are constants wherever that spares
the compiler a check whether two arrays overlap.

Products of matrices are without BLAS, which would bring a thread pool of its own, and cannot skip
the channels that dropout dropped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    FEATURES,
    FIRST,
    LANES,
    SECOND,
    Array,
    f4,
    larger,
    rectify,
    tanh,
)

N = LANES  # short, since it is in every index


@kernel
def load_images(
    raw: Float32[Array, "28 28*16"],
    images: Float32[Array, "images 28*28"],
    chosen: Int64[Array, " count"],
) -> None:
    """The chosen images, at most sixteen, one a lane; the last of them in the lanes left over."""
    lanes = raw.reshape(-1)
    for start in range(0, 28 * 28, 28):
        for lane in range(N):
            image = images[chosen[min(lane, chosen.size - 1)]]
            for pixel in range(start, start + 28):
                lanes[pixel * N + lane] = image[pixel]


@kernel
def load_masks(
    keep: Bool[Array, "16 22"],
    scales: Float32[Array, "22 16"],
    used: Bool[Array, " 6"],
    keep_mask: Bool[Array, "count 22"],
    kept_scale: np.float32,
) -> None:
    """The rows of the mask, at most sixteen, one a lane; the last in the lanes left over."""
    used[:] = False
    for lane in range(N):
        mask = keep_mask[min(lane, keep_mask.shape[0] - 1)]
        for c in range(CHANNELS):
            keep[lane, c] = mask[c]
            scales[c, lane] = kept_scale if mask[c] else f4(0)
        for c in range(FIRST):
            used[c] |= mask[c]


@kernel
def resize(
    pixels: Float32[Array, "32 32*16"],
    wide: Float32[Array, "28 32*16"],
    raw: Float32[Array, "28 28*16"],
    pixel_scale: np.float32,
    pixel_offset: np.float32,
) -> None:
    """Resize 28x28 to 32x32, bilinear, and normalise; ``wide`` is a buffer for the step between.

    With ``align_corners=False`` output i looks at position 7/8·(i + 1/2) − 1/2. So eight outputs
    repeat one pattern over seven inputs, output 8b + i being

        (2i + 1)/16 · x[7b + i − 1] + (15 − 2i)/16 · x[7b + i]

    with x[−1] = x[0] and x[28] = x[27]. First along the rows, then down the columns.
    """
    for i in range(32):
        share, position = f4((2 * (i % 8) + 1) / 16), 7 * (i // 8) + i % 8
        left, right = N * max(position - 1, 0), N * min(position, 27)
        for y in range(28):
            line, target = raw[y], wide[y, N * i : N * (i + 1)]
            for lane in range(N):
                target[lane] = share * line[left + lane] + (f4(1) - share) * line[right + lane]
    for i in range(32):
        share, position = f4((2 * (i % 8) + 1) / 16), 7 * (i // 8) + i % 8
        upper, lower, line = wide[max(position - 1, 0)], wide[min(position, 27)], pixels[i]
        for j in range(32 * N):
            value = share * upper[j] + (f4(1) - share) * lower[j]
            line[j] = pixel_scale * value + pixel_offset


@kernel
def add_first_convolution(
    outputs: Float32[Array, "28 28*16"],
    inputs: Float32[Array, "32 32*16"],
    weight: Float32[Array, " 25"],
) -> None:
    """outputs[y, x] += Σ_rc weight[r, c] · inputs[y + r, x + c], in every lane."""
    a0, a1, a2, a3, a4 = weight[0], weight[1], weight[2], weight[3], weight[4]
    b0, b1, b2, b3, b4 = weight[5], weight[6], weight[7], weight[8], weight[9]
    c0, c1, c2, c3, c4 = weight[10], weight[11], weight[12], weight[13], weight[14]
    d0, d1, d2, d3, d4 = weight[15], weight[16], weight[17], weight[18], weight[19]
    e0, e1, e2, e3, e4 = weight[20], weight[21], weight[22], weight[23], weight[24]
    for y in range(28):
        output = outputs[y]
        a, b, c, d, e = inputs[y], inputs[y + 1], inputs[y + 2], inputs[y + 3], inputs[y + 4]
        for i in range(28 * N):
            j, k, m, n = i + N, i + 2 * N, i + 3 * N, i + 4 * N
            output[i] += (
                (a0 * a[i] + a1 * a[j] + a2 * a[k] + a3 * a[m] + a4 * a[n])
                + (b0 * b[i] + b1 * b[j] + b2 * b[k] + b3 * b[m] + b4 * b[n])
                + (c0 * c[i] + c1 * c[j] + c2 * c[k] + c3 * c[m] + c4 * c[n])
                + (d0 * d[i] + d1 * d[j] + d2 * d[k] + d3 * d[m] + d4 * d[n])
                + (e0 * e[i] + e1 * e[j] + e2 * e[k] + e3 * e[m] + e4 * e[n])
            )


@kernel
def add_second_convolution(
    outputs: Float32[Array, "10 10*16"],
    inputs: Float32[Array, "14 14*16"],
    weight: Float32[Array, " 25"],
) -> None:
    """outputs[y, x] += Σ_rc weight[r, c] · inputs[y + r, x + c], in every lane."""
    for r in range(5):
        w0, w1, w2, w3, w4 = weight[5 * r : 5 * r + 5]
        for y in range(10):
            out, x = outputs[y], inputs[y + r]
            for i in range(N):
                x0, x1, x2, x3 = x[i], x[i + N], x[i + 2 * N], x[i + 3 * N]
                x4, x5, x6, x7 = x[i + 4 * N], x[i + 5 * N], x[i + 6 * N], x[i + 7 * N]
                x8, x9, x10, x11 = x[i + 8 * N], x[i + 9 * N], x[i + 10 * N], x[i + 11 * N]
                x12, x13 = x[i + 12 * N], x[i + 13 * N]
                out[i] += w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3 + w4 * x4
                out[i + N] += w0 * x1 + w1 * x2 + w2 * x3 + w3 * x4 + w4 * x5
                out[i + 2 * N] += w0 * x2 + w1 * x3 + w2 * x4 + w3 * x5 + w4 * x6
                out[i + 3 * N] += w0 * x3 + w1 * x4 + w2 * x5 + w3 * x6 + w4 * x7
                out[i + 4 * N] += w0 * x4 + w1 * x5 + w2 * x6 + w3 * x7 + w4 * x8
                out[i + 5 * N] += w0 * x5 + w1 * x6 + w2 * x7 + w3 * x8 + w4 * x9
                out[i + 6 * N] += w0 * x6 + w1 * x7 + w2 * x8 + w3 * x9 + w4 * x10
                out[i + 7 * N] += w0 * x7 + w1 * x8 + w2 * x9 + w3 * x10 + w4 * x11
                out[i + 8 * N] += w0 * x8 + w1 * x9 + w2 * x10 + w3 * x11 + w4 * x12
                out[i + 9 * N] += w0 * x9 + w1 * x10 + w2 * x11 + w3 * x12 + w4 * x13


@kernel
def add_backward_convolution(
    inputs: Float32[Array, "14 14*16"],
    errors: Float32[Array, "10 10*16"],
    weight: Float32[Array, " 25"],
) -> None:
    """inputs[y + r, x + c] += Σ weight[r, c] · errors[y, x], in every lane."""
    for r in range(5):
        w0, w1, w2, w3, w4 = weight[5 * r : 5 * r + 5]
        for y in range(10):
            x, e = inputs[y + r], errors[y]
            for i in range(N):
                e0, e1, e2, e3, e4 = e[i], e[i + N], e[i + 2 * N], e[i + 3 * N], e[i + 4 * N]
                e5, e6, e7, e8 = e[i + 5 * N], e[i + 6 * N], e[i + 7 * N], e[i + 8 * N]
                e9 = e[i + 9 * N]
                x[i] += w0 * e0
                x[i + N] += w1 * e0 + w0 * e1
                x[i + 2 * N] += w2 * e0 + w1 * e1 + w0 * e2
                x[i + 3 * N] += w3 * e0 + w2 * e1 + w1 * e2 + w0 * e3
                x[i + 4 * N] += w4 * e0 + w3 * e1 + w2 * e2 + w1 * e3 + w0 * e4
                x[i + 5 * N] += w4 * e1 + w3 * e2 + w2 * e3 + w1 * e4 + w0 * e5
                x[i + 6 * N] += w4 * e2 + w3 * e3 + w2 * e4 + w1 * e5 + w0 * e6
                x[i + 7 * N] += w4 * e3 + w3 * e4 + w2 * e5 + w1 * e6 + w0 * e7
                x[i + 8 * N] += w4 * e4 + w3 * e5 + w2 * e6 + w1 * e7 + w0 * e8
                x[i + 9 * N] += w4 * e5 + w3 * e6 + w2 * e7 + w1 * e8 + w0 * e9
                x[i + 10 * N] += w4 * e6 + w3 * e7 + w2 * e8 + w1 * e9
                x[i + 11 * N] += w4 * e7 + w3 * e8 + w2 * e9
                x[i + 12 * N] += w4 * e8 + w3 * e9
                x[i + 13 * N] += w4 * e9


def weight_gradient(size: int, block: int) -> Callable[[Array, Array, Array], None]:
    """The kernel that adds a convolution's gradient with respect to its weight.

    Args:
        size: rows and columns of the maps that the convolution makes.
        block: columns whose errors stay in registers while the five of a row's weights need them.
    """

    @kernel
    def add_weight_gradient(
        gradient: Float32[Array, "5 5*16"],
        errors: Float32[Array, "size size*16"],
        inputs: Float32[Array, "size+4 size*16+4*16"],
    ) -> None:
        """gradient[r, c] += Σ_yx errors[y, x] · inputs[y + r, x + c], in every lane."""
        for y in range(size):
            for r in range(5):
                total = gradient[r]
                for start in range(0, size * N, block * N):
                    error, x = errors[y, start:], inputs[y + r, start:]
                    for lane in range(N):
                        g0, g1, g2 = total[lane], total[lane + N], total[lane + 2 * N]
                        g3, g4 = total[lane + 3 * N], total[lane + 4 * N]
                        for j in range(block):
                            i = lane + N * j
                            e = error[i]
                            g0 += e * x[i]
                            g1 += e * x[i + N]
                            g2 += e * x[i + 2 * N]
                            g3 += e * x[i + 3 * N]
                            g4 += e * x[i + 4 * N]
                        total[lane], total[lane + N], total[lane + 2 * N] = g0, g1, g2
                        total[lane + 3 * N], total[lane + 4 * N] = g3, g4

    return add_weight_gradient


add_first_weight_gradient = weight_gradient(28, block=14)
add_second_weight_gradient = weight_gradient(10, block=10)


def pooling(squares: int) -> Callable[[Array, Array, Array, bool], None]:
    """The kernel that pools maps of twice as many rows and columns."""

    @kernel
    def pool(
        pooled: Float32[Array, "squares squares*16"],
        values: Float32[Array, "2*squares 2*squares*16"],
        scale: Float32[Array, " 16"],
        relu: bool,
    ) -> None:
        """pooled = scale · max(0, largest value of each 2x2 square), or scale · mean of its tanh.

        Values become their tanh, from which follows its derivative on the way back.
        """
        if not relu:
            activate(values, relu)
        for r in range(squares):
            for j in range(squares):
                above = values[2 * r, 2 * j * N : (2 * j + 2) * N]
                below = values[2 * r + 1, 2 * j * N : (2 * j + 2) * N]
                target = pooled[r, j * N : (j + 1) * N]
                if relu:
                    for i in range(N):
                        upper = larger(above[i], above[i + N])
                        lower = larger(below[i], below[i + N])
                        target[i] = scale[i] * rectify(larger(upper, lower))
                else:
                    for i in range(N):
                        square = (above[i] + above[i + N]) + (below[i] + below[i + N])
                        target[i] = scale[i] * f4(0.25) * square

    return pool


def unpooling(squares: int) -> Callable[[Array, Array, Array, Array, bool], np.float32]:
    """The kernel that leads errors back through pooling and activation."""

    @kernel
    def unpool(
        errors: Float32[Array, "2*squares 2*squares*16"],
        pooled: Float32[Array, "squares squares*16"],
        values: Float32[Array, "2*squares 2*squares*16"],
        scale: Float32[Array, " 16"],
        relu: bool,
    ) -> np.float32:
        """Back through scale, pooling and activation; returns the sum of all errors.

        Through mean and tanh: e' = scale/4 · e · (1 − value²) for each value of a square. Through
        maximum and ReLU: each square's error goes to its first largest value, if that is above
        zero; row by row, as in PyTorch. A square with a NaN passes its error on as well, so that
        what has diverged shows.
        """
        for r in range(squares):
            for j in range(squares):
                source = pooled[r, j * N : (j + 1) * N]
                square = slice(2 * j * N, (2 * j + 2) * N)
                above, below = values[2 * r, square], values[2 * r + 1, square]
                upper, lower = errors[2 * r, square], errors[2 * r + 1, square]
                if relu:
                    for i in range(N):
                        a, b, c, d = above[i], above[i + N], below[i], below[i + N]
                        largest = larger(larger(a, b), larger(c, d))
                        left = f4(0) if largest <= f4(0) else scale[i] * source[i]
                        upper[i] = f4(0) if a < largest else left
                        left = left if a < largest else f4(0)
                        upper[i + N] = f4(0) if b < largest else left
                        left = left if b < largest else f4(0)
                        lower[i] = f4(0) if c < largest else left
                        lower[i + N] = left if c < largest else f4(0)
                else:
                    for i in range(N):
                        a, b, c, d = above[i], above[i + N], below[i], below[i + N]
                        mean = scale[i] * f4(0.25) * source[i]
                        upper[i], upper[i + N] = mean * (f4(1) - a * a), mean * (f4(1) - b * b)
                        lower[i], lower[i + N] = mean * (f4(1) - c * c), mean * (f4(1) - d * d)
        total, error = f4(0), errors.reshape(-1)
        for i in range(4 * squares * squares * N):
            total += error[i]
        return total

    return unpool


pool_first = pooling(14)
"""Pools a 28x28 map to a 14x14 map."""
pool_second = pooling(5)
"""Pools a 10x10 map to 25 features."""
unpool_first = unpooling(14)
unpool_second = unpooling(5)


@kernel
def to_rows(rows: Float32[Array, "16 400"], lanes: Float32[Array, "16 5 5*16"]) -> None:
    """Turns sixteen images side by side in each feature into rows of 400 features an image."""
    source = lanes.reshape(-1)
    for lane in range(N):
        row = rows[lane]
        for k in range(SECOND * FEATURES):
            row[k] = source[k * N + lane]


@kernel
def to_lanes(lanes: Float32[Array, "16 5 5*16"], rows: Float32[Array, "16 400"]) -> None:
    """The way back of `to_rows`."""
    target = lanes.reshape(-1)
    for k in range(SECOND * FEATURES):
        for lane in range(N):
            target[k * N + lane] = rows[lane, k]


@kernel
def add_lanes(total: Float32[Array, " 25"], lanes: Float32[Array, "5 5*16"]) -> None:
    """total += the sums over the lanes."""
    source = lanes.reshape(-1)
    for k in range(total.size):
        lane_sum = f4(0)
        for i in range(k * N, (k + 1) * N):
            lane_sum += source[i]
        total[k] += lane_sum


def product(width: int) -> Callable[[Array, Array, Array], None]:
    """The kernel that adds a product of matrices; rows of the result have ``width`` numbers."""

    @kernel
    def add_product(
        totals: Float32[Array, "rows width"],
        left: Float32[Array, "rows terms+"],
        right: Float32[Array, "terms width"],
    ) -> None:
        """totals += left · right; an even number of rows; surplus columns of ``left`` are padding.

        Eight rows of ``right`` at a time stay in the nearest cache while all rows of ``totals``
        pass, two by two.
        """
        terms, w = right.shape[0], width
        whole = terms // 8 * 8
        for k in range(0, whole, 8):
            x = right.reshape(-1)[k * w :]
            for row in range(0, totals.shape[0], 2):
                total, a, b = totals.reshape(-1)[row * w :], left[row, k:], left[row + 1, k:]
                a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
                b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
                for i in range(width):
                    x0, x1, x2, x3 = x[i], x[i + w], x[i + 2 * w], x[i + 3 * w]
                    x4, x5, x6, x7 = x[i + 4 * w], x[i + 5 * w], x[i + 6 * w], x[i + 7 * w]
                    total[i] += (a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3) + (
                        a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7
                    )
                    total[i + w] += (b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3) + (
                        b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7
                    )
        for k in range(whole, terms):
            x = right[k]
            for row in range(totals.shape[0]):
                total, a0 = totals[row], left[row, k]
                for i in range(width):
                    total[i] += a0 * x[i]

    return add_product


def outer_products(columns: int, width: int) -> Callable[[Array, Array, Array], None]:
    """The kernel that adds the gradient of a linear layer's weight.

    Args:
        columns: how many inputs the layer has.
        width: of a row of inputs, padding included.
    """

    @kernel
    def add_outer_products(
        gradient: Float32[Array, "outputs columns"],
        errors: Float32[Array, "16 outputs"],
        inputs: Float32[Array, "16 width"],
    ) -> None:
        """gradient += errorsᵀ · inputs, by sixteen images."""
        x, w = inputs.reshape(-1), width
        for output in range(gradient.shape[0]):
            total, v = gradient[output], errors[:, output]
            a, b, c, d, e, f, g, h = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
            j, k, m, n, p, q, r, s = v[8], v[9], v[10], v[11], v[12], v[13], v[14], v[15]
            for i in range(columns):
                last = p * x[i + 12 * w] + q * x[i + 13 * w] + r * x[i + 14 * w] + s * x[i + 15 * w]
                total[i] += (
                    (a * x[i] + b * x[i + w] + c * x[i + 2 * w] + d * x[i + 3 * w])
                    + (e * x[i + 4 * w] + f * x[i + 5 * w] + g * x[i + 6 * w] + h * x[i + 7 * w])
                    + (j * x[i + 8 * w] + k * x[i + 9 * w] + m * x[i + 10 * w] + n * x[i + 11 * w])
                    + last
                )

    return add_outer_products


@inlined
def add_channel(
    total: Float32[Array, " 128"],
    features: Float32[Array, " 25"],
    weights: Float32[Array, "25 128"],
) -> None:
    """total += features · weights: what a second channel adds to the first linear layer."""
    f, x, w = features, weights.reshape(-1), 128
    a0, a1, a2, a3, a4 = f[0], f[1], f[2], f[3], f[4]
    b0, b1, b2, b3, b4 = f[5], f[6], f[7], f[8], f[9]
    c0, c1, c2, c3, c4 = f[10], f[11], f[12], f[13], f[14]
    d0, d1, d2, d3, d4 = f[15], f[16], f[17], f[18], f[19]
    e0, e1, e2, e3, e4 = f[20], f[21], f[22], f[23], f[24]
    for a in range(w):
        b, c, d, e = a + 5 * w, a + 10 * w, a + 15 * w, a + 20 * w
        s = a0 * x[a] + a1 * x[a + w] + a2 * x[a + 2 * w] + a3 * x[a + 3 * w] + a4 * x[a + 4 * w]
        t = b0 * x[b] + b1 * x[b + w] + b2 * x[b + 2 * w] + b3 * x[b + 3 * w] + b4 * x[b + 4 * w]
        u = c0 * x[c] + c1 * x[c + w] + c2 * x[c + 2 * w] + c3 * x[c + 3 * w] + c4 * x[c + 4 * w]
        v = d0 * x[d] + d1 * x[d + w] + d2 * x[d + 2 * w] + d3 * x[d + 3 * w] + d4 * x[d + 4 * w]
        z = e0 * x[e] + e1 * x[e + w] + e2 * x[e + 2 * w] + e3 * x[e + 3 * w] + e4 * x[e + 4 * w]
        total[a] += s + t + u + v + z


@kernel
def add_kept_channels(
    totals: Float32[Array, "more 128"],
    features: Float32[Array, "more 16 25"],
    keep_mask: Bool[Array, "rows 22"],
    weights: Float32[Array, "16*25 128"],
) -> None:
    """totals += Σ_o features[:, o] · weights[o] over the channels o that each row keeps."""
    for o in range(SECOND):
        part = weights[o * FEATURES : (o + 1) * FEATURES]
        for row in range(keep_mask.shape[0]):
            if keep_mask[row, FIRST + o]:
                add_channel(totals[row], features[row, o], part)


@kernel
def fill_rows(rows: Float32[Array, "rows columns"], row: Float32[Array, " columns"]) -> None:
    """Every row becomes ``row``: where a linear layer begins with its bias."""
    for r in range(rows.shape[0]):
        for i in range(row.size):
            rows[r, i] = row[i]


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
def drop_units(
    rows: Float32[Array, "rows more"], keep_mask: Bool[Array, "rows units"], scale: np.float32
) -> None:
    """The kept part of each row of values, or of their errors, times ``scale``; 0 for the rest.

    Nothing changes where the mask has no rows.
    """
    for r in range(keep_mask.shape[0]):
        row, keep = rows[r], keep_mask[r]
        for i in range(keep.size):
            row[i] = scale * row[i] if keep[i] else f4(0)


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
