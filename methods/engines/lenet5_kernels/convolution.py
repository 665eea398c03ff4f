"""5x5 convolutions of flat maps, forwards and backwards.

Every map that is read comes as five copies, copy c shifted by c columns. So the 25 terms of a
convolution are 25 contiguous streams that begin on cache lines, and plain loops become vector
code on any processor. Five terms are added at a time: 25 would need more registers than there are.
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import (
    FIRST_MAP,
    FIRST_WIDTH,
    MARGIN,
    POOLED_MAP,
    POOLED_WIDTH,
    SECOND_MAP,
    Array,
    f4,
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
