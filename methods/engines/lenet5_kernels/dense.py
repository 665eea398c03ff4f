"""Products of small matrices without BLAS, and what stands between linear layers.

BLAS would bring a thread pool of its own, and cannot skip the channels that dropout dropped.
"""

from __future__ import annotations

from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.arithmetic import rectify, tanh
from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import FEATURES, FIRST, SECOND, Array, f4


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
